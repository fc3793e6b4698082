#if os(Linux)
import Martlet
import MartletSimulation
import MartletTesting
import Synchronization

extension Scenario {
    /// Nodes subscribe to topics, lose their links, are killed and start again.
    ///
    /// Once the links hold, every node hears all that is published, each subscription of it, in order; the broker keeps of each
    /// node whether it is online.
    static let topics = Scenario("topics", nodes: 4, rounds: 4) { world in
        let broker = world.broker()
        let ledger = Ledger()
        let online = Latest()
        try await world.start("watcher") { process in
            let connection = try await process.connect(to: broker)
            return Node("watcher", on: connection) {
                Subscribe(to: "*.online") { (delivery: Delivery) in
                    online.set(delivery.topic, delivery.message.text ?? "")
                    world.log("\(delivery.topic): \(delivery.message.text ?? "")")
                }
            }
        }
        let filters: [TopicPattern] = ["news.*", "news.#", "news.world"]
        // Said again and again, for a link may lose it.
        let options = NodeOptions(online: .every(.seconds(3)))
        var processes: [SimulatedProcess] = []
        for number in 0..<world.nodes {
            let name = "node\(number)"
            let process = try await world.start(name) { process in
                let will = ConnectionOptions(will: Node.will(for: name))
                let link = try await process.connect(to: broker, faults: world.weather, options: will)
                let connection = Planted.wrap(link, world.plant, world)
                return Node(name, on: connection, options: options) {
                    for (index, filter) in filters.enumerated() {
                        Subscribe(to: filter) { (delivery: Delivery) in
                            guard let edition = delivery.message.text.flatMap({ Int($0) }) else { return }
                            ledger.enter(edition, under: "\(name), filter \(index)")
                        }
                    }
                }
            }
            processes.append(process)
        }
        let press = try await world.connect(to: broker, as: "press")
        var random = world.random(for: "kills")
        for round in 0..<world.rounds {
            try await press.publish(Message("\(round)"), to: "news.world")
            try await world.sleep(for: .milliseconds(Int.random(in: 1...500, using: &random)))
            guard let process = processes.randomElement(using: &random) else { break }
            switch Int.random(in: 0..<3, using: &random) {
            case 0: try await process.restart(after: .milliseconds(Int.random(in: 0...400, using: &random)))
            case 1:
                await process.stop()
                try await process.start()
            default: try await process.loseLinks(for: .milliseconds(Int.random(in: 1...400, using: &random)))
            }
        }
        // From here on nothing is lost.
        await world.endFaults()
        let last = 1_000
        try await press.publish(Message("\(last)"), to: "news.world")
        for number in 0..<world.nodes {
            for index in filters.indices {
                try await world.expect("node \(number) hears by filter \(index)", within: .seconds(10)) {
                    ledger.count(of: last, under: "node\(number), filter \(index)") == 1
                }
            }
        }
        for process in processes {
            try await world.expect("the broker knows that \(process.name) is online", within: .seconds(10)) {
                online["\(process.name).online"] == "1"
            }
        }
    }
}

/// The last text of each topic.
private final class Latest: Sendable {
    private let texts = Mutex<[String: String]>([:])

    subscript(topic: String) -> String? { texts.withLock { $0[topic] } }

    func set(_ topic: TopicName, _ text: String) {
        texts.withLock { $0[topic.text] = text }
    }
}
#endif
