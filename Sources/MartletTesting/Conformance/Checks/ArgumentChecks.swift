import Martlet

extension ConformanceSuite {
    /// What wrong names, arguments and sizes get.
    public static let arguments: [ConformanceCheck] = [
        ConformanceCheck("a name that is not valid is an error", crosses: .not("nothing is sent"), tolerates: .all) {
            environment in
            let connection = try await environment.connect()
            let names = [
                "a.\u{0}", "a.#.b", String(repeating: "a", count: 65_536), String(repeating: "a.", count: 256) + "a",
            ]
            for name in names + ["*", "a.#"] {
                try await environment.expect(.invalidTopic, from: "publishing to \(name.debugDescription.prefix(20))") {
                    try await connection.publish(Message("x"), to: TopicName(name))
                }
                try await environment.expect(.invalidQueue, from: "sending to \(name.debugDescription.prefix(20))") {
                    try await connection.send(Message("x"), to: QueueName(name))
                }
                try await environment.expect(.invalidQueue, from: "consuming \(name.debugDescription.prefix(20))") {
                    _ = try await connection.consume(from: QueueName(name))
                }
                try await environment.expect(.invalidQueue, from: "calling \(name.debugDescription.prefix(20))") {
                    _ = try await connection.call(QueueName(name), Message("x"))
                }
                try await environment.expect(.invalidQueue, from: "answering \(name.debugDescription.prefix(20))") {
                    try await connection.respond(to: QueueName(name)) { $0 }
                }
            }
            for name in names {
                try await environment.expect(.invalidFilter, from: "subscribing to \(name.debugDescription.prefix(20))")
                {
                    _ = try await connection.subscribe(to: TopicPattern(name))
                }
            }
        },

        ConformanceCheck("an argument without a meaning is an error", crosses: .not("nothing is sent"), tolerates: .all)
        { environment in
            let connection = try await environment.connect()
            let queue = environment.queue("arguments")
            for number in [0, -1, .min] {
                try await environment.expect(.invalidArgument, from: "a limit of \(number)") {
                    let options = SubscribeOptions(limit: number)
                    _ = try await connection.subscribe(to: environment.pattern("x"), options: options)
                }
                try await environment.expect(.invalidArgument, from: "a prefetch of \(number)") {
                    _ = try await connection.consume(from: queue, options: ConsumeOptions(prefetch: number))
                }
                try await environment.expect(.invalidArgument, from: "a concurrency of \(number)") {
                    let options = RespondOptions(concurrency: number)
                    try await connection.respond(to: queue, options: options) { $0 }
                }
                try await environment.expect(.invalidArgument, from: "a window of \(number)") {
                    _ = try await connection.stream(StreamingRPC<Int, Int>(queue), 1, window: number)
                }
            }
            for timeout in [Duration.zero, .seconds(-1)] {
                try await environment.expect(.invalidArgument, from: "a timeout of \(timeout)") {
                    _ = try await connection.call(queue, Message("x"), timeout: timeout)
                }
                try await environment.expect(.invalidArgument, from: "a timeout of \(timeout)") {
                    _ = try await connection.stream(StreamingRPC<Int, Int>(queue), 1, timeout: timeout)
                }
            }
        },

        ConformanceCheck("a body over the limit is an error", crosses: [.topics("large"), .queue("large-queue")]) {
            environment in
            let (writer, reader) = try await environment.connectBoth(ConnectionOptions(maximumBodyBytes: 1000))
            let topic = environment.topic("large")
            let queue = environment.queue("large-queue")
            let subscription = try await reader.subscribe(to: TopicPattern(topic))
            let consumer = try await reader.consume(from: queue)
            let tooLarge = Message([UInt8](repeating: 1, count: 1001))
            try await environment.expect(.bodyTooLarge, from: "publishing") {
                try await writer.publish(tooLarge, to: topic)
            }
            try await environment.expect(.bodyTooLarge, from: "sending") {
                try await writer.send(tooLarge, to: queue)
            }
            try await environment.expect(.bodyTooLarge, from: "calling") {
                _ = try await writer.call(queue, tooLarge)
            }
            let largest = Message([UInt8](repeating: 1, count: 1000))
            try await writer.publish(largest, to: topic)
            try await environment.expect(
                subscription.delivery(environment).message.body.count,
                equals: 1000,
                "the size"
            )
            try await writer.send(largest, to: queue)
            let delivery = try await consumer.delivery(environment)
            try delivery.ack()
            try environment.expect(delivery.message.body.count, equals: 1000, "the size")
        },

        ConformanceCheck("a response over the limit is an error at its caller", crosses: [.calls("large-response")]) {
            environment in
            let caller = try await environment.connect()
            let responder = try await environment.connect(ConnectionOptions(maximumBodyBytes: 1000), at: .sink)
            let name = environment.queue("large-response")
            let handler: @Sendable (Message) async throws -> Message = { _ in
                Message([UInt8](repeating: 1, count: 1001))
            }
            try await environment.responding(on: responder, to: name, handler: handler) {
                try await environment.expect(.bodyTooLarge, from: "the call") {
                    _ = try await caller.call(name, Message("x"), timeout: .seconds(5))
                }
            }
        },
    ]
}
