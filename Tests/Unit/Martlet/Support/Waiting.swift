import Martlet
import Testing

/// Lets other tasks run until a condition holds, or the test is over its time. It is for states that nothing
/// announces.
func until(_ condition: () async throws -> Bool) async rethrows {
    var looks = 0
    while try await !condition(), !Task.isCancelled {
        // Most come true within a few turns of the others; what takes longer must not keep a processor from them.
        looks += 1
        if looks < 1_000 { await Task.yield() } else { try? await Task.sleep(for: .microseconds(200)) }
    }
}

extension MemoryBroker {
    /// Returns when a queue has consumers.
    func waitForConsumers(_ count: Int = 1, of queue: QueueName) async {
        await until { presence.queues.first { $0.name == queue }?.consumers == count }
    }

    /// How a queue stands; `nil` if there is none.
    func queue(_ name: QueueName) -> BrokerPresence.Queue? {
        presence.queues.first { $0.name == name }
    }
}

/// Runs `body` beside `background`, which is cancelled when `body` is done.
func withBackground<Result: Sendable>(
    _ background: @escaping @Sendable () async throws -> Void,
    _ body: () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            do { try await background() } catch is CancellationError {}
        }
        let result: Result
        do {
            result = try await body()
        } catch {
            group.cancelAll()
            throw error
        }
        group.cancelAll()
        try await group.waitForAll()
        return result
    }
}
