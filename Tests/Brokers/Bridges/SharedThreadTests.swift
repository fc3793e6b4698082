import BridgeSupport
import IntegrationSupport
import Martlet
import MartletTesting
import Testing

/// Connections that share a thread.
@Suite(.timeLimit(.minutes(10))) struct SharedThreadTests {
    private final class Elsewhere: TaskExecutor {
        func enqueue(_ job: consuming ExecutorJob) { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    @Test(arguments: UnreachableTests.kinds)
    func theyDoAllThatOthersDo(kind: BrokerKind) async throws {
        let first = try await kind.connect()
        let thread = try #require(first.taskExecutor)
        var others: [any Connection] = []
        for other in UnreachableTests.kinds { others.append(try await other.connect(thread: thread)) }
        for other in others { #expect(other.taskExecutor === thread) }
        // What they share does not end with the one whose it was.
        await first.close()
        for other in others {
            let name = QueueName("shared.\(UInt64.random(in: 0...UInt64.max))")
            let topic = TopicName("\(name).topic")
            let heard = try await other.subscribe(to: TopicPattern(topic))
            for number in 0..<100 { try await other.publish(Message("\(number)"), to: topic) }
            for number in 0..<100 {
                let delivery = try #require(try await heard.next())
                #expect(delivery.message.text == "\(number)")
            }
            // Caller and responder are on one thread, and one of them may even call from there.
            try await withServer { onReady in
                try await other.respond(to: name, onReady: onReady) { $0 }
            } _: {
                let reply = try await withTaskExecutorPreference(thread) {
                    try await other.call(name, Message("here"), timeout: .seconds(20))
                }
                #expect(reply.text == "here")
            }
        }
        for other in others { await other.close() }
        // A connection that comes later has it start again.
        let late = try await kind.connect(thread: thread)
        try await late.publish(Message("late"), to: TopicName("shared.late"))
        await late.close()
    }

    @Test(arguments: UnreachableTests.kinds)
    func theLossOfOnesLinkIsNotTheOthers(kind: BrokerKind) async throws {
        try await TCPProxy.withProxy(to: try await kind.port) { link in
            let cut = try await kind.connect(port: link.port)
            let other = try await kind.connect(thread: cut.taskExecutor)
            let states = cut.states()
            try await link.cut()
            for await state in states where state == .disconnected { break }
            #expect(other.state == .connected)
            try await other.publish(Message("still"), to: TopicName("shared.still"))
            for await state in cut.states() where state == .connected { break }
            await cut.close()
            await other.close()
        }
    }

    @Test(arguments: UnreachableTests.kinds)
    func anotherExecutorIsRefused(kind: BrokerKind) async throws {
        #expect(await errorCode { _ = try await kind.connect(thread: Elsewhere()) } == .invalidArgument)
    }
}
