import Martlet
import PeerJob

/// One task hands messages to another in the same process: through the embedded broker, and through an `AsyncStream`.
struct HandingOver {
    private let job: Job
    private let topic = Topic<Values.Reading>("bench.hand.over")

    init(_ job: Job) { self.job = job }

    /// Bytes, which nobody copies.
    func broker() async throws {
        let message = job.message
        try await through(
            subscribe: { try await $0.subscribe(to: TopicPattern(topic.name)) },
            publish: { broker, _ in try await broker.publish(message, to: topic.name) }
        )
    }

    /// A struct of four fields, which is encoded and decoded on the way.
    func typedBroker() async throws {
        try await through(
            subscribe: { try await $0.subscribe(to: topic) },
            publish: { broker, number in try await broker.publish(Values.Reading(sequence: number), to: topic) }
        )
    }

    func stream() async throws {
        let message = job.message
        try await through(Message.self) { _ in message }
    }

    func typedStream() async throws {
        try await through(Values.Reading.self) { Values.Reading(sequence: $0) }
    }

    private func through<Elements: AsyncSequence & Sendable>(
        subscribe: (MemoryConnection) async throws -> Elements,
        publish: (MemoryConnection, Int) async throws -> Void
    ) async throws {
        try await MemoryBroker().withConnection { broker in
            let elements = try await subscribe(broker)
            let start = ContinuousClock.now
            async let reading: Void = read(elements)
            for number in 0..<job.count { try await publish(broker, number) }
            try await reading
            Report.figures(job.count, in: .now - start)
        }
    }

    private func through<Element: Sendable>(_: Element.Type, _ element: (Int) -> Element) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: Element.self)
        let start = ContinuousClock.now
        async let reading: Void = read(stream)
        for number in 0..<job.count { continuation.yield(element(number)) }
        continuation.finish()
        try await reading
        Report.figures(job.count, in: .now - start)
    }

    /// Not on the task of whoever sends.
    @concurrent
    private func read(_ elements: some AsyncSequence & Sendable) async throws {
        var count = 0
        for try await _ in elements {
            count += 1
            if count == job.count { break }
        }
    }
}
