import Martlet
import MartletTesting

/// Delivers what a stepped broker holds back, in an order that a seed says: any order at all, but that messages to
/// one destination of one client stay in theirs.
struct StepDriver: Sendable {
    private struct Destination: Hashable {
        let client: Int
        let destination: BrokerDispatch.Destination
    }

    let broker: MemoryBroker
    let seed: UInt64

    /// Runs `body` while messages are delivered.
    func run<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result {
        try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                await drive()
                return nil
            }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }

    private func drive() async {
        var generator = SplitMix64(seed: seed)
        var idle = 0
        while !Task.isCancelled {
            if broker.step(choosing: { choose(of: $0, using: &generator) }) != nil {
                idle = 0
                continue
            }
            idle += 1
            // Nothing says when there is something to deliver.
            if idle < 20 { await Task.yield() } else { try? await Task.sleep(for: .microseconds(200)) }
        }
    }

    private func choose(of pending: [BrokerStep], using generator: inout SplitMix64) -> Int? {
        var seen: Set<Destination> = []
        var first: [Int] = []
        for (index, step) in pending.enumerated() {
            let destination = Destination(client: step.client, destination: step.dispatch.destination)
            if seen.insert(destination).inserted { first.append(index) }
        }
        return first.randomElement(using: &generator)
    }
}
