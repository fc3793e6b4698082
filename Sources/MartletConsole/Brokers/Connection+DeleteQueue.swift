package import Martlet
import MartletAMQP

extension Connection {
    /// Deletes a queue where the broker keeps it although nobody uses it; elsewhere it does nothing.
    package nonisolated func deleteQueue(_ queue: QueueName) async throws {
        _ = try await (self as? AMQPConnection)?.deleteQueue(queue.text(in: .dotted))
    }
}
