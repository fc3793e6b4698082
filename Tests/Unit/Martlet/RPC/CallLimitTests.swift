import MartletTesting
import Testing

@testable import Martlet

/// A broker that does not answer: whoever waits for it is back when its own time limit is over, or when it is cancelled.
@Suite(.timeLimit(.minutes(10))) struct CallLimitTests {
    /// What is asked with a limit of a second, and what the broker does not answer.
    enum Verb: CaseIterable {
        case call, stream, goal, goalsTopics, knownGoal

        var silence: SilentConnection.Silence {
            switch self {
            case .call, .stream, .goal: .replyAddress
            case .goalsTopics, .knownGoal: .subscribe
            }
        }

        func ask(_ connection: SilentConnection) async throws {
            switch self {
            case .call: _ = try await connection.call("q", Message(), timeout: .seconds(1))
            case .stream:
                _ = try await connection.stream(StreamingRPC<Int, Int>("q"), 1, timeout: .seconds(1))
            case .goal, .goalsTopics: _ = try await connection.send(Move(target: 1), to: move, timeout: .seconds(1))
            case .knownGoal: _ = try await connection.goal("g", of: move, timeout: .seconds(1))
            }
        }
    }

    @Test(arguments: Verb.allCases) func theLimitCountsFromTheCall(verb: Verb) async throws {
        let clock = TestClock()
        let connection = try await SilentConnection(verb.silence, clock)
        async let code = errorCode { try await verb.ask(connection) }
        await until { connection.asked.values.count == 1 && clock.sleepers > 0 }
        clock.advance(by: .seconds(1))
        #expect(await code == .timeout)
        await connection.close(clock)
    }

    @Test(arguments: Verb.allCases) func cancellationEndsTheWait(verb: Verb) async throws {
        let clock = TestClock()
        let connection = try await SilentConnection(verb.silence, clock)
        let task = Task { try await verb.ask(connection) }
        await until { connection.asked.values.count == 1 }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await connection.close(clock)
    }

    /// The end of one caller's time is not the others', and the address is opened once.
    @Test func callersThatWaitForOneAddressLeaveOneByOne() async throws {
        let clock = TestClock()
        let connection = try await SilentConnection(.replyAddress, clock)
        let server = try await connection.broker.connect(name: "server")
        let patient = Task { try await connection.call("q", Message("patient"), timeout: .seconds(60)) }
        await until { connection.asked.values.count == 1 }
        async let code = errorCode { _ = try await connection.call("q", Message(), timeout: .seconds(1)) }
        await until { clock.deadlines.contains { $0.offset == .seconds(1) } }
        clock.advance(by: .seconds(1))
        #expect(await code == .timeout)
        connection.goOn()
        try await withBackground {
            try await server.respond(to: "q") { $0 }
        } _: {
            let reply = try await patient.value
            #expect(reply.text == "patient")
        }
        #expect(connection.asked.values.count == 1)
        await connection.close()
    }

    @Test func closingEndsTheWaitForTheAddress() async throws {
        let connection = try await SilentConnection(.replyAddress, TestClock())
        let call = Task { try await connection.call("q", Message(), timeout: .seconds(60)) }
        await until { connection.asked.values.count == 1 }
        await connection.close()
        #expect(await errorCode { _ = try await call.value } == .connectionClosed)
    }

    /// A message that waits for room goes when its time is over, and those behind it have its place.
    @Test func whatWaitsForRoomHasALimit() async throws {
        let clock = TestClock()
        let timers = Timers(Timeline(clock))
        let room = Shared(WaitingRoom<String>())
        let (first, second) = room.withLock { ($0.park("first"), $0.park("second")) }
        async let code = errorCode {
            let limit = WaitLimit(.seconds(1), of: timers)
            try await WaitingRoom.wait(for: first, limit: limit) { body in room.withLock { body(&$0) } }
        }
        await until { clock.sleepers == 1 }
        clock.advance(by: .seconds(1))
        #expect(await code == .timeout)
        #expect(room.withLock { $0.first } == "second")
        // Before its producer has begun to wait.
        room.withLock { _ = $0.remove(id: second) }
        await timers.stop()
    }
}

/// An embedded broker's connection that is not answered until it is told to go on.
actor SilentConnection: Connection {
    enum Silence { case replyAddress, subscribe }

    nonisolated let runtime: ConnectionRuntime
    nonisolated var capabilities: Capabilities { base.capabilities }
    nonisolated let broker = MemoryBroker()
    nonisolated let asked = Recorder<String>()
    private nonisolated let base: MemoryConnection
    private nonisolated let silence: Silence
    private nonisolated let answer = Promise<Void>()

    init(_ silence: Silence, _ clock: TestClock) async throws {
        base = try await broker.connect(options: ConnectionOptions(name: "silent", clock: clock))
        runtime = base.runtime
        self.silence = silence
    }

    nonisolated func goOn() { answer.end(.success(())) }

    nonisolated func publish(_ message: Message, to topic: TopicName, options: PublishOptions) async throws {
        try await base.publish(message, to: topic, options: options)
    }

    func subscribe(to pattern: TopicPattern, options: SubscribeOptions) async throws -> Subscription {
        if silence == .subscribe {
            asked.record("subscribe")
            try await answer.value()
        }
        return try await base.subscribe(to: pattern, options: options)
    }

    nonisolated func send(_ message: Message, to queue: QueueName, options: SendOptions) async throws {
        var options = options
        // Whether anybody is there is not what this is about.
        options.requiresConsumer = false
        try await base.send(message, to: queue, options: options)
    }

    func consume(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        try await base.consume(from: queue, options: options)
    }

    func openReplyAddress(
        _ receive: @escaping @Sendable (_ reply: Message, _ address: String) -> Void
    ) async throws -> ReplyAddress {
        asked.record("address")
        try await answer.value()
        return try await base.openReplyAddress(receive)
    }

    nonisolated func reply(_ message: Message, to address: String) async throws {
        try await base.reply(message, to: address)
    }

    func close() async { await base.close() }

    /// Closes it while its time goes on: a call that was given up has still something to say, for a second at most.
    nonisolated func close(_ clock: TestClock) async {
        async let closed: Void = close()
        await until {
            clock.advance(by: .milliseconds(100))
            return state == .closed
        }
        await closed
    }
}
