import Martlet
import Synchronization

struct Move: Codable, Sendable { var target: Int }
struct Progress: Codable, Sendable { var current: Int }
struct Reached: Codable, Sendable, Hashable { var position: Int }

let move = Action<Move, Progress, Reached>("arm.move")

/// A value that several tasks of a test share.
final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func withLock<Result: Sendable>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        try value.withLock { value in
            var copy = value
            defer { value = copy }
            return try body(&copy)
        }
    }
}

/// What is opened once.
final class Gate: Sendable {
    private let isOpen = Atomic(false)

    func open() { isOpen.store(true, ordering: .sequentiallyConsistent) }

    func wait() async throws {
        while !isOpen.load(ordering: .sequentiallyConsistent) { try await Task.sleep(for: .milliseconds(1)) }
    }
}

extension MemoryBroker {
    /// Returns when a queue has a consumer.
    func waitForConsumers(of queue: QueueName) async throws {
        while !presence.queues.contains(where: { $0.name == queue && $0.consumers > 0 }) {
            try await Task.sleep(for: .milliseconds(1))
        }
    }
}

/// Runs `background` until `body` is done.
func withBackground(
    _ background: @escaping @Sendable () async throws -> Void,
    _ body: () async throws -> Void
) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            do { try await background() } catch is CancellationError {}
        }
        defer { group.cancelAll() }
        try await body()
    }
}
