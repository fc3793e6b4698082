import MartletTesting
import Synchronization

@testable import Martlet

/// Calls of one connection: replies that come late, in any order, twice, at another call's address, or without the ID of what
/// they answer; calls that are given up; a link that goes.
struct CallWorld: World {
    /// A call, and what it has got.
    private final class Caller: ReplyReceiver {
        let got = Mutex<[String]>([])
        let failures = Mutex(0)

        func receive(_ reply: Message) { got.withLock { $0.append(String(decoding: reply.body, as: UTF8.self)) } }
        func fail(_: any Error) { failures.withLock { $0 += 1 } }
    }

    private struct Call {
        let id: String
        let address: String
        let isOwn: Bool
        let caller = Caller()
        var isWaiting = true
        /// The replies that it is to have got.
        var due: [String] = []
        var failures = 0
    }

    /// A reply on its way.
    private struct Reply {
        let call: Int
        let text: String
        let address: String
        let isNamed: Bool
    }

    let trace: Trace
    private var random: SplitMix64
    private let table = CallTable()
    private var calls: [Call] = []
    private var replies: [Reply] = []
    private var late = 0

    init(seed: UInt64, isTraced: Bool) {
        trace = Trace(isOn: isTraced)
        random = SplitMix64(seed: seed)
    }

    mutating func run() throws {
        for _ in 0..<(10 + random.below(60)) {
            switch random.below(100) {
            case 0..<40: try call()
            case 40..<50: giveUp()
            case 50..<53: fail()
            default: try deliver()
            }
            try check()
        }
        while !replies.isEmpty { try deliver() }
        for index in calls.indices where calls[index].isWaiting { end(index) }
        try check()
        guard table.count == 0 else { throw Violation("\(table.count) calls are left") }
    }

    private mutating func call() throws {
        let number = calls.count
        // Some have an address for themselves, the others share one.
        let isOwn = random.chance(40)
        let call = Call(id: "call\(number)", address: isOwn ? "reply/\(number)" : "reply/all", isOwn: isOwn)
        calls.append(call)
        try table.register(call.caller, id: call.id, address: call.address, isOwn: isOwn)
        note("\(call.id) at \(call.address)")
        // One answers, or several do, or one twice.
        for copy in 0..<random.pick([0, 1, 1, 1, 2]) {
            let isForged = random.chance(10)
            let reply = Reply(
                call: number,
                text: "\(number)/\(copy)",
                address: isForged ? "reply/\(random.below(number + 1) + 1_000)" : call.address,
                isNamed: !isOwn || random.chance(60)
            )
            replies.insert(reply, at: random.below(replies.count + 1))
            if random.chance(15) { replies.insert(reply, at: random.below(replies.count + 1)) }
        }
    }

    private mutating func deliver() throws {
        guard let reply = replies.popLast() else { return }
        var headers: Headers = [:]
        if reply.isNamed { headers.correlationID = calls[reply.call].id }
        note("a reply to \(calls[reply.call].id) comes at \(reply.address)")
        table.receive(Message(Array(reply.text.utf8), headers: headers), at: reply.address)
        if calls[reply.call].isWaiting, reply.address == calls[reply.call].address {
            calls[reply.call].due.append(reply.text)
        } else {
            late += 1
        }
    }

    private mutating func giveUp() {
        guard !calls.isEmpty else { return }
        let index = random.below(calls.count)
        if calls[index].isWaiting { end(index) }
    }

    private mutating func end(_ index: Int) {
        note("\(calls[index].id) is over")
        table.remove(id: calls[index].id)
        calls[index].isWaiting = false
    }

    /// The link is lost: those that wait are told, and are over when they have heard.
    private mutating func fail() {
        note("the link is lost")
        table.failAll(MessagingError(.connectionLost, "gone"))
        for index in calls.indices where calls[index].isWaiting { calls[index].failures += 1 }
    }

    private func check() throws {
        for call in calls {
            let got = call.caller.got.withLock { $0 }
            guard got == call.due else { throw Violation("\(call.id) got \(got), due were \(call.due)") }
            let failures = call.caller.failures.withLock { $0 }
            guard failures == call.failures else { throw Violation("\(call.id) failed \(failures) times") }
            guard table.isWaiting(call.id) == call.isWaiting else { throw Violation("\(call.id) waits, or does not") }
        }
        guard table.lateReplies == late else { throw Violation("\(table.lateReplies) came late, not \(late)") }
    }
}
