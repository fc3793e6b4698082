import Synchronization

/// Publishes what has changed, over one connection. The last 10,000 topics count.
package final class ChangeGate: Sendable {
    private let memory = Mutex(ChangeMemory(limit: 10_000))

    package init() {}

    /// Publishes a body, unless its topic has got it already.
    ///
    /// - Returns: whether it was published.
    /// - Throws: what `publish` throws; the value is not held back next time.
    package func pass(
        _ body: [UInt8],
        to topic: TopicName,
        at time: Duration,
        filter: ChangeFilter,
        _ publish: () async throws -> Void
    ) async rethrows -> Bool {
        guard filter != .none else {
            try await publish()
            return true
        }
        let number: UInt64? = memory.withLock { memory in
            guard memory.isDue(body, for: topic, at: time, filter: filter) else { return nil }
            return memory.publishes(body, to: topic, at: time)
        }
        guard let number else { return false }
        do {
            try await publish()
        } catch {
            memory.withLock { $0.forget(topic, number) }
            throw error
        }
        memory.withLock { $0.arrived(topic, number) }
        return true
    }
}
