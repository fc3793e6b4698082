import MartletBrokers
import MartletConsole

/// A small program that shows one concept and ends by itself.
protocol Example: Sendable {
    /// What it is called on the command line.
    var name: String { get }

    /// What it shows, in one line.
    var summary: String { get }

    /// Does it. What it has connected and opened is closed when it returns.
    func run(on broker: Broker) async throws
}

/// The examples there are, in the order in which a newcomer may want to read them.
enum Examples {
    static let all: [any Example] = [
        PublishSubscribe(), Patterns(), Queues(), CallAndRespond(), StreamingCall(), Actions(), Events(), TimedLoops(),
        NodeLifecycle(), Bridges(), RelayTopic(), RelayQueue(), RelaySlack(), PublishMeasurements(), SelectingUsers(),
        Shop(), YourOwnBroker(), YourOwnServer(), Faults(),
    ]

    static func named(_ name: String) -> (any Example)? {
        all.first { $0.name == name }
    }

    static func run(
        _ example: any Example,
        on url: BrokerAddress,
        database: DatabaseAddress = .memory
    ) async throws {
        try await withBroker(at: url, database: database) { try await example.run(on: $0) }
    }

    /// Prints each example's name and what it shows.
    static func printList() {
        let width = all.map(\.name.columns).max() ?? 0
        for example in all {
            print("\(example.name.leading(in: width))  \(example.summary)")
        }
    }
}
