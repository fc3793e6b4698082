import Martlet

extension ConformanceSuite {
    /// What is cancelled at any moment. It is not among ``checks``: it takes as long as many of those.
    public static let cancellation: [ConformanceCheck] = [
        ConformanceCheck(
            "what is cancelled at random leaves nothing behind",
            crosses: .not("it is about what one connection leaves behind")
        ) { environment in
            let (client, server) = (try await environment.connect(), try await environment.connect())
            let verbs = CancelledVerbs(environment, client)
            try await environment.responding(on: server, to: verbs.echo, handler: { $0 }) {
                try await environment.streaming(on: server, to: verbs.rows) { count, writer in
                    for number in 0..<count { try await writer.write(number) }
                } _: {
                    try await environment.withReadyServer { onReady in
                        let options = ActionOptions(policy: .parallel(limit: 1_000))
                        try await server.perform(verbs.work, options: options, onReady: onReady) { goal in
                            try await Task.sleep(for: .milliseconds(2))
                            return goal.value
                        }
                    } untilDone: {
                        // A broker may end the link of whoever consumes a queue that somebody else is just making.
                        try await verbs.roundTrip("before")
                        await verbs.cancelMany()
                        try await environment.eventually { client.state == .connected }
                        try await verbs.expectNothingLeft(in: environment)
                    }
                }
            }
        }
    ]
}

/// Everything that a connection is asked, cancelled after a time that a seed gives.
private struct CancelledVerbs: Sendable {
    private static let workers = 6
    private static let operations = 40

    let echo: QueueName
    let rows: StreamingRPC<Int, Int>
    let work: Action<Int, Int, Int>
    private let topic: TopicName
    private let queue: QueueName
    private let client: any Connection

    init(_ environment: ConformanceEnvironment, _ client: any Connection) {
        echo = environment.queue("echo")
        rows = StreamingRPC(environment.queue("rows"))
        work = Action(environment.queue("work"))
        topic = environment.topic("cancelled")
        queue = environment.queue("cancelled-queue")
        self.client = client
    }

    /// Returns when each has ended, or been cancelled and ended.
    func cancelMany() async {
        await withTaskGroup(of: Void.self) { group in
            for worker in 0..<Self.workers {
                group.addTask {
                    var generator = SplitMix64(seed: UInt64(worker))
                    for _ in 0..<Self.operations {
                        let verb = Int.random(in: 0..<7, using: &generator)
                        let delay = Duration.microseconds(Int.random(in: 0..<4_000, using: &generator))
                        await cancel(after: delay) { try await perform(verb) }
                    }
                }
            }
        }
    }

    private func cancel(after delay: Duration, _ body: @escaping @Sendable () async throws -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await body() }
            group.addTask { try? await Task.sleep(for: delay) }
            await group.next()
            group.cancelAll()
        }
    }

    private func perform(_ verb: Int) async throws {
        switch verb {
        case 0: try await client.publish(Message("x"), to: topic)
        case 1:
            let subscription = try await client.subscribe(to: TopicPattern(topic))
            _ = try await subscription.next()
        case 2: try await client.send(Message("x"), to: queue)
        case 3:
            let consumer = try await client.consume(from: queue)
            while let delivery = try await consumer.next() { try delivery.ack() }
        case 4: _ = try await client.call(echo, Message("x"))
        case 5: for try await _ in try await client.stream(rows, 100, window: 4) {}
        default: _ = try await client.send(1, to: work).result
        }
    }

    /// Sends a message to the queue, and takes what is in it up to that message.
    func roundTrip(_ text: String) async throws {
        // First: not every broker keeps what nobody consumes.
        let consumer = try await client.consume(from: queue)
        try await client.send(Message(text), to: queue)
        while let delivery = try await consumer.next() {
            try delivery.ack()
            if delivery.message.text == text { return }
        }
    }

    /// What was cancelled is not waited for any more, and the connection is as good as new.
    func expectNothingLeft(in environment: ConformanceEnvironment) async throws {
        try await environment.eventually { client.statistics.callsInFlight == 0 }
        let reply = try await client.call(echo, Message("after"))
        try environment.expect(reply.text, equals: "after", "the reply")
        let subscription = try await client.subscribe(to: TopicPattern(topic))
        try await client.publish(Message("after"), to: topic)
        while try await subscription.next()?.message.text != "after" {}
        try await roundTrip("after")
        var elements = 0
        for try await _ in try await client.stream(rows, 20, window: 4) { elements += 1 }
        try environment.expect(elements, equals: 20, "the number of elements")
        let result = try await client.send(7, to: work).result
        try environment.expect(result, equals: 7, "the goal's result")
        try await environment.eventually { client.statistics.callsInFlight == 0 }
    }
}
