import Martlet
import MartletConsole

/// How long it takes to publish to a topic that four subscriptions match, among few others and among many.
struct MatchingBench: Sendable {
    let publishes: Int

    /// What every topic of the measurement is matched by.
    private static let matching: [TopicPattern] = ["#", "hot.#", "hot.*.value", "*.*.value"]

    func run(_ display: LiveDisplay) async throws -> [String] {
        let label = "matching"
        defer { display.endProgress(label) }
        var lines = [Figures.row("publish, 4 subscribers", "new topic", "known topic")]
        for (step, size) in [100, 100_000].enumerated() {
            let (new, known) = try await measure(size) { done in
                display.progress(label, (Double(step) + done) / 2)
            }
            let name = "among \(Figures.grouped(Double(size))) filters"
            lines.append(Figures.row(name, nanoseconds(new), nanoseconds(known)))
        }
        return lines
    }

    private func nanoseconds(_ measurement: Measurement) -> String {
        "\(Figures.grouped(measurement.nanosecondsEach)) ns"
    }

    private func measure(
        _ size: Int,
        progress: (Double) -> Void
    ) async throws -> (new: Measurement, known: Measurement) {
        try await MemoryBroker().withConnection { connection in
            // Nobody reads: a message takes the place of the one before.
            let options = SubscribeOptions(overflow: .dropOldest, limit: 1)
            var subscriptions: [Subscription] = []
            for pattern in Self.matching {
                subscriptions.append(try await connection.subscribe(to: pattern, options: options))
            }
            for index in 0..<(size - Self.matching.count) {
                subscriptions.append(try await connection.subscribe(to: Self.other(index), options: options))
            }
            progress(0.5)
            let message = Message(Array(repeating: 7, count: 64))
            // The broker remembers who subscribes to the topics it saw last: these are more than it remembers.
            let topics = (0..<10_000).map { TopicName("hot.\($0).value") }
            let new = try await Measurement(publishes) {
                for index in 0..<publishes { try await connection.publish(message, to: topics[index % topics.count]) }
            }
            progress(0.75)
            let known = try await Measurement(publishes) {
                for _ in 0..<publishes { try await connection.publish(message, to: topics[0]) }
            }
            progress(1)
            withExtendedLifetime(subscriptions) {}
            return (new, known)
        }
    }

    /// A filter that matches none of the topics: every kind in turn.
    private static func other(_ index: Int) -> TopicPattern {
        switch index % 4 {
        case 0: TopicPattern("cold.\(index).*.value")
        case 1: TopicPattern("cold.*.\(index).#")
        case 2: TopicPattern("cold.\(index).value")
        default: TopicPattern("*.cold.\(index).*")
        }
    }
}
