package import Martlet

#if AMQP
import MartletAMQP
#endif

extension Connection {
    /// Deletes a queue where the broker keeps it although nobody uses it; elsewhere it does nothing.
    package nonisolated func deleteQueue(_ queue: QueueName) async throws {
        #if AMQP
        _ = try await (self as? AMQPConnection)?.deleteQueue(queue.text)
        #endif
    }
}
