#if os(Linux)
import Martlet
import MartletSimulation
import MartletTesting
import Synchronization

extension Scenario {
    /// Publishers whose links are lost and fall silent publish with a guarantee; the readers' mailboxes are small and they are
    /// slow.
    ///
    /// Every message arrives, and the messages of one publisher for the first time in the order in which they were published.
    static let order = Scenario("order", nodes: 3, rounds: 12) { world in
        let broker = world.broker()
        let arrived = Arrivals()
        var readers: [Task<Void, any Error>] = []
        for number in 0..<2 {
            let connection = try await world.connect(to: broker, as: "reader\(number)")
            let subscription = try await connection.subscribe(to: "news.*", options: SubscribeOptions(limit: 2))
            readers.append(
                Task {
                    for try await delivery in subscription {
                        arrived.add(delivery.message.text ?? "", from: delivery.topic.text, at: number)
                        try await world.sleep(for: .milliseconds(3))
                    }
                }
            )
        }
        defer { for reader in readers { reader.cancel() } }
        let faults = Faults(
            delay: 0.1,
            cut: 0.05,
            halfOpen: 0.05,
            maximumDelay: .milliseconds(20),
            maximumOutage: .milliseconds(200)
        )
        try await withThrowingTaskGroup { group in
            for number in 0..<world.nodes {
                let connection = try await world.connect(to: broker, as: "publisher\(number)", faults: faults)
                group.addTask {
                    for round in 0..<world.rounds {
                        try await connection.publish(
                            Message("\(round)"),
                            to: TopicName("news.\(number)"),
                            options: PublishOptions(guarantee: .atLeastOnce)
                        )
                    }
                }
            }
            try await group.waitForAll()
        }
        for reader in 0..<2 {
            for number in 0..<world.nodes {
                try await world.expect("all that was published has arrived", within: .seconds(30)) {
                    arrived.texts(from: "news.\(number)", at: reader).count == world.rounds
                }
                let texts = arrived.texts(from: "news.\(number)", at: reader)
                world.log("reader \(reader) has \(texts) of \(number)")
                world.require(texts == (0..<world.rounds).map { "\($0)" }, "the order at reader \(reader) is \(texts)")
            }
        }
    }
}

/// What came first of each text, in order.
private final class Arrivals: Sendable {
    private let texts = Mutex<[String: [String]]>([:])

    func add(_ text: String, from topic: String, at reader: Int) {
        texts.withLock { texts in
            let known = texts["\(topic) \(reader)", default: []]
            if !known.contains(text) { texts["\(topic) \(reader)"] = known + [text] }
        }
    }

    func texts(from topic: String, at reader: Int) -> [String] { texts.withLock { $0["\(topic) \(reader)"] ?? [] } }
}
#endif
