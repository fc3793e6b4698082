import MartletBrokers
import MartletConsole

/// A small program that shows one concept and ends by itself.
protocol Example: Sendable {
    /// What it is called on the command line.
    var name: String { get }

    /// What it shows, in one line.
    var summary: String { get }

    /// Does it. What it has connected is closed when it returns.
    func run(on broker: Broker) async throws
}

/// The examples there are, in the order in which a newcomer may want to read them.
enum Examples {
    static let all: [any Example] = [
        PublishSubscribe(), Patterns(), Queues(), CallAndRespond(), StreamingCall(), Actions(), Events(), TimedLoops(),
        NodeLifecycle(), YourOwnBroker(), Faults(), RelayTopic(), RelayQueue(), RelaySlack(), PublishMeasurements(),
    ]

    static func named(_ name: String) -> (any Example)? {
        all.first { $0.name == name }
    }

    static func run(_ example: any Example, on url: BrokerAddress) async throws {
        try await withBroker(at: url) { try await example.run(on: $0) }
    }

    /// Prints each example's name and what it shows.
    static func printList() {
        let width = all.map(\.name.columns).max() ?? 0
        for example in all {
            print("\(example.name.leading(in: width))  \(example.summary)")
        }
    }
}
