import Benchmark

@testable import Martlet

func stateMachines() {
    Benchmark.each("goal-accepted-executing-succeeded") { _ in
        var goal = GoalStateMachine()
        blackHole(goal.handle(.begin))
        blackHole(goal.handle(.returned))
    }
    Benchmark.each("goal-accepted-executing-canceled") { _ in
        var goal = GoalStateMachine()
        blackHole(goal.handle(.begin))
        blackHole(goal.handle(.stop(.requested)))
        blackHole(goal.handle(.threwCancellation))
    }
    Benchmark.each("call-table-register-reply-remove") { [calls = CallTable(), sink = Sink()] _ in
        let id = CallTable.makeID(.system)
        try calls.register(sink, id: id, address: "bench.replies", isOwn: false)
        var reply = Message()
        reply.headers.correlationID = id
        calls.receive(reply, at: "bench.replies")
        calls.remove(id: id)
    }
}

private final class Sink: ReplyReceiver {
    func receive(_ reply: Message) { blackHole(reply) }
    func fail(_ error: any Error) {}
}
