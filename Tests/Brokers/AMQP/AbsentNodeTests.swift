import IntegrationSupport
import Martlet
import MartletTesting
import Synchronization
import Testing

@testable import MartletAMQP

/// A queue whose node is down: RabbitMQ says 404, as it does of what does not exist, and means "not now".
@Suite(.timeLimit(.minutes(10))) struct AbsentNodeTests {
    private static let away =
        "NOT_FOUND - home node 'rabbit@b' of durable queue 'jobs' in vhost '/' is down or inaccessible"
    private static let missing = "NOT_FOUND - no queue 'jobs' in vhost '/'"

    /// What the broker refuses, by the frame of a client's method.
    enum Refused: CaseIterable, Sendable {
        case declare, look, consume

        fileprivate func matches(_ frame: FakePeer.Frame) -> Bool {
            switch (self, frame.method) {
            case (.declare, 0x0032_000A): !frame.isPassive
            case (.look, 0x0032_000A): frame.isPassive
            case (.consume, 0x003C_0014): true
            default: false
            }
        }
    }

    /// A broker's script, and what it was asked.
    private final class Script: Sendable {
        private struct State {
            var refusals: [(refused: Refused, code: Int, text: String, times: Int)] = []
            var frames: [FakePeer.Frame] = []
        }

        private let state = Mutex(State())

        /// Has something be refused so often.
        func refuse(_ refused: Refused, _ text: String = away, code: Int = 404, times: Int = 3) {
            state.withLock { $0.refusals.append((refused, code, text, times)) }
        }

        func count(_ refused: Refused) -> Int { state.withLock { $0.frames.count(where: refused.matches) } }

        /// The refusal of a method; `nil`: it is allowed.
        private func refusal(of frame: FakePeer.Frame) -> (code: Int, text: String)? {
            state.withLock { state in
                state.frames.append(frame)
                guard
                    let index = state.refusals.firstIndex(where: { $0.times > 0 && $0.refused.matches(frame) })
                else { return nil }
                state.refusals[index].times -= 1
                return (state.refusals[index].code, state.refusals[index].text)
            }
        }

        /// Plays the broker to one client. What comes on a channel that was closed is passed over, as a broker does.
        func play(to peer: FakePeer, _ look: (FakePeer.Frame) async throws -> Void = { _ in }) async throws {
            var closed: Set<UInt16> = []
            while true {
                let frame = try await peer.receive()
                // channel.close-ok
                if frame.method == 0x0014_0029 { closed.remove(frame.channel) }
                if closed.contains(frame.channel) || frame.method == 0x0014_0029 { continue }
                guard let (code, text) = refusal(of: frame), let method = frame.method else {
                    try await peer.answer(frame)
                    try await look(frame)
                    continue
                }
                closed.insert(frame.channel)
                let answered = FakePeer.word(Int(method >> 16)) + FakePeer.word(Int(method & 0xFFFF))
                let reason = FakePeer.word(code) + FakePeer.text(text) + answered
                try await peer.send(FakePeer.method(frame.channel, 20, 40, reason))
            }
        }
    }

    private func withScript(
        _ script: Script,
        _ log: LogRecorder = LogRecorder(),
        connectTimeout: Duration = .seconds(60),
        look: @escaping @Sendable (FakePeer, FakePeer.Frame) async throws -> Void = { _, _ in },
        _ body: (AMQPConnection) async throws -> Void
    ) async throws {
        try await FakeBroker.withBroker { peer, _ in
            try await script.play(to: peer) { try await look(peer, $0) }
        } _: { fake in
            try await withAMQP(port: fake.port) {
                $0.connectTimeout = connectTimeout
                $0.connection.logger = log.logger
            } _: {
                try await body($0)
            }
        }
    }

    @Test(arguments: [[Refused.declare], [.consume], [.declare, .look]])
    func aConsumerWaitsForTheNode(_ refused: [Refused]) async throws {
        let (script, log) = (Script(), LogRecorder())
        // A queue that is declared otherwise is looked at.
        if refused.contains(.look) {
            script.refuse(.declare, "PRECONDITION_FAILED - inequivalent arg", code: 406, times: .max)
            script.refuse(.look)
        } else {
            script.refuse(refused[0])
        }
        try await withScript(script, log) { peer, frame in
            guard frame.method == 0x003C_0014 else { return }
            try await peer.send(
                FakePeer.delivery(frame.channel, consumer: FakePeer.consumer(frame), tag: 1, Array("job".utf8))
            )
        } _: { broker in
            let jobs = try await broker.consume(from: "jobs")
            let delivery = try #require(try await jobs.next())
            #expect(delivery.message.text == "job")
            try delivery.ack()
            // One that is declared otherwise is looked at once more, to ask what it is.
            let times = refused.contains(.look) ? 5 : 4
            #expect(script.count(refused[refused.count - 1]) == times, "three times in vain")
        }
        let lines = log.lines.filter { $0.contains("the node of a queue is away") }
        #expect(lines.count == 1, "once a minute: \(lines)")
        #expect(lines.first?.contains("'jobs'") == true)
    }

    @Test(arguments: [true, false])
    func aMessageWaitsForTheNode(_ isGuaranteed: Bool) async throws {
        let script = Script()
        let published = Recorder<Void>()
        script.refuse(.declare)
        try await withScript(script) { peer, frame in
            guard frame.method == 0x003C_0028 else { return }
            published.signal()
            if isGuaranteed {
                try await peer.send(FakePeer.method(frame.channel, 60, 80, FakePeer.long(0) + FakePeer.long(1) + [0]))
            }
        } _: { broker in
            let guarantee: Guarantee = isGuaranteed ? .atLeastOnce : .atMostOnce
            try await broker.send(Message("job"), to: "jobs", options: SendOptions(guarantee: guarantee))
            try await published.wait(for: 1)
        }
        #expect(script.count(.declare) == 4)
    }

    @Test(arguments: [Refused.declare, .look])
    func aDeclarationOfTheNativeAPIWaitsForTheNode(_ refused: Refused) async throws {
        let script = Script()
        script.refuse(refused)
        try await withScript(script) { broker in
            _ = try await broker.declare(AMQPQueue("jobs"), passive: refused == .look)
        }
        #expect(script.count(refused) == 4)
    }

    /// The broker cancels consumers when a node goes.
    @Test(arguments: [true, false])
    func aConsumerComesBackWithTheNode(_ isSubscription: Bool) async throws {
        let script = Script()
        let consumers = Recorder<(channel: UInt16, tag: String)>()
        try await withScript(script) { peer, frame in
            guard frame.method == 0x003C_0014 else { return }
            let tag = FakePeer.consumer(frame)
            consumers.record((frame.channel, tag))
            if consumers.values.count == 1 {
                script.refuse(.look)
                try await peer.send(FakePeer.method(frame.channel, 60, 30, FakePeer.text(tag) + [1]))
            } else {
                try await peer.send(FakePeer.delivery(frame.channel, consumer: tag, tag: 1, Array("job".utf8)))
            }
        } _: { broker in
            var options = SubscribeOptions(guarantee: .atLeastOnce)
            options.durableName = "jobs"
            let reader =
                isSubscription
                ? try await broker.subscribe(to: "key", options: options) : try await broker.consume(from: "jobs")
            let delivery = try #require(try await reader.next())
            #expect(delivery.message.text == "job")
            #expect(script.count(.look) == 4)
            #expect(script.count(.declare) == 1, "the queue is there: it is not made again")
            #expect(broker.statistics.gaps == (isSubscription ? 1 : 0))
        }
    }

    @Test func whatTakesTooLongIsAnErrorThatMayPass() async throws {
        let script = Script()
        for refused in Refused.allCases { script.refuse(refused, times: .max) }
        try await withScript(script, connectTimeout: .milliseconds(500)) { broker in
            let operations: [@Sendable () async throws -> Void] = [
                { _ = try await broker.consume(from: "jobs") },
                { _ = try await broker.declare(AMQPQueue("jobs"), passive: true) },
                { try await broker.send(Message("x"), to: "jobs", options: SendOptions(guarantee: .atMostOnce)) },
            ]
            for operation in operations {
                let error = await #expect(throws: MessagingError.self) { try await operation() }
                #expect(error?.amqpReplyCode == 404)
                #expect(error?.isRetriable == true)
            }
        }
    }

    /// What does not exist is another matter.
    @Test func aQueueThatDoesNotExistIsAnErrorAtOnce() async throws {
        let script = Script()
        script.refuse(.look, Self.missing, times: 1)
        script.refuse(.declare, Self.missing, times: 1)
        try await withScript(script) { broker in
            for passive in [true, false] {
                let error = await #expect(throws: MessagingError.self) {
                    _ = try await broker.declare(AMQPQueue("jobs"), passive: passive)
                }
                #expect(error?.amqpReplyCode == 404)
                #expect(error?.isRetriable == false)
            }
        }
        #expect(script.count(.look) == 1)
        #expect(script.count(.declare) == 1)
    }
}

extension FakePeer.Frame {
    /// Of a `queue.declare`: whether the queue is only looked at.
    fileprivate var isPassive: Bool {
        let arguments = arguments
        guard arguments.count > 2 else { return false }
        let flags = 3 + Int(arguments[2])
        return flags < arguments.count && arguments[flags] & 1 == 1
    }
}
