import IntegrationSupport
import Martlet
import Testing

@testable import MartletAMQP

/// What waits for the reader of a queue is bounded in bytes, though the broker knows only of their number.
@Suite(.timeLimit(.minutes(10))) struct WaitingBytesTests {
    @Test func theSocketIsNotReadWhileTooManyBytesWait() async throws {
        let (count, size) = (90, 1 << 20)
        let port = try await RabbitMQServer.shared().port
        let queue = QueueName(unique("heavy"))
        try await withAMQP(port: port) { sender in
            try await withAMQP(port: port, { $0.connection.maximumWaitingBytes = 1 << 20 }) { reader in
                for _ in 0..<count {
                    try await sender.send(Message([UInt8](repeating: 1, count: size)), to: queue)
                }
                let jobs = try await reader.consume(from: queue, options: ConsumeOptions(prefetch: 1_000))
                try await until { await reader.session.isDeaf }
                // What fills the mailbox, and the 32 MiB that may wait outside.
                #expect(jobs.waiting <= 36, "\(jobs.waiting)")
                for _ in 0..<count { try await jobs.next()?.ack() }
                #expect(reader.statistics.linkFailures == 0)
            }
            try await sender.deleteQueue(queue.text)
        }
    }
}
