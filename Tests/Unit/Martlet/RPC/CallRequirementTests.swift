import Martlet
import MartletTesting
import Testing

/// Calls use what a connection implements for them, whatever type it is of.
@Suite(.timeLimit(.minutes(10))) struct CallRequirementTests {
    @Test func callsUseTheirOwnRequirements() async throws {
        let broker = MemoryBroker()
        let connection = CallingConnection(try await broker.connect(name: "a"))
        try await withBackground {
            try await connection.respond(to: "echo") { $0 }
        } _: {
            await broker.waitForConsumers(of: "echo")
            for text in ["x", "y"] {
                let reply = try await connection.call("echo", Message(text)).text
                #expect(reply == text)
            }
        }
        #expect(connection.used.values == ["consume", "request", "answer", "request", "answer"])
        await connection.close()
    }

    /// What a wrapper does not change it passes on, so that a queue of requests stays one.
    @Test func aFaultyConnectionPassesThemOn() async throws {
        let broker = MemoryBroker()
        let connection = CallingConnection(try await broker.connect(name: "a"))
        let faulty = try FaultyConnection(wrapping: connection, seed: 1, faults: Faults())
        let requests = try await faulty.consumeRequests(from: "echo", options: ConsumeOptions())
        try await faulty.deleteQueue("echo")
        #expect(connection.used.values == ["consume", "delete"])
        requests.finish()
        await faulty.close()
    }

    /// By default a request is acknowledged after its reply, and not at all if the reply can't be sent.
    @Test func theDefaultAnswerSettles() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(name: "a")
        let replies = Recorder<String>()
        let address = try await connection.openReplyAddress { reply, _ in replies.record(reply.text ?? "") }
        let requests = try await connection.consumeRequests(from: "q", options: ConsumeOptions())
        _ = try await connection.beginRequest(Message("1"), to: "q", options: SendOptions())
        _ = try await connection.beginRequest(Message("2"), to: "q", options: SendOptions())
        let first = try #require(try await requests.next())
        try await connection.answer(Message("done"), to: address.address(for: "1"), settling: first)
        #expect(replies.values == ["done"])
        #expect(await errorCode { try first.ack() } == .alreadySettled)
        let second = try #require(try await requests.next())
        let code = await errorCode { try await connection.answer(Message(), to: "nobody", settling: second) }
        #expect(code == .noResponder)
        try second.ack()
        await connection.close()
    }
}

/// A connection that says which of the requirements of calls are used.
private actor CallingConnection: Connection {
    nonisolated let runtime: ConnectionRuntime
    nonisolated let capabilities: Capabilities
    nonisolated let used = Recorder<String>()
    private nonisolated let connection: MemoryConnection

    init(_ connection: MemoryConnection) {
        self.connection = connection
        runtime = connection.runtime
        capabilities = connection.capabilities
    }

    nonisolated func publish(_ message: Message, to topic: TopicName, options: PublishOptions) async throws {
        try await connection.publish(message, to: topic, options: options)
    }

    func subscribe(to pattern: TopicPattern, options: SubscribeOptions) async throws -> Subscription {
        try await connection.subscribe(to: pattern, options: options)
    }

    nonisolated func send(_ message: Message, to queue: QueueName, options: SendOptions) async throws {
        try await connection.send(message, to: queue, options: options)
    }

    func consume(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        try await connection.consume(from: queue, options: options)
    }

    func openReplyAddress(
        _ receive: @escaping @Sendable (_ reply: Message, _ address: String) -> Void
    ) async throws -> ReplyAddress {
        try await connection.openReplyAddress(receive)
    }

    nonisolated func reply(_ message: Message, to address: String) async throws {
        try await connection.reply(message, to: address)
    }

    nonisolated func beginRequest(
        _ request: Message,
        to queue: QueueName,
        options: SendOptions
    ) async throws -> Martlet.Confirmation {
        used.record("request")
        return try await connection.beginRequest(request, to: queue, options: options)
    }

    func consumeRequests(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        used.record("consume")
        return try await connection.consumeRequests(from: queue, options: options)
    }

    nonisolated func answer(_ reply: Message, to address: String, settling request: Delivery) async throws {
        used.record("answer")
        try await connection.answer(reply, to: address, settling: request)
    }

    func deleteQueue(_ queue: QueueName) async throws {
        used.record("delete")
        try await connection.deleteQueue(queue)
    }

    func close() async {
        await connection.close()
    }
}
