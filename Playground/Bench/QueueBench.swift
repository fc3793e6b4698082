import Martlet
import MartletConsole

/// How fast messages go through a queue, each acknowledged.
struct QueueBench: Sendable {
    let messages: Int

    func run(_ display: LiveDisplay) async throws -> [String] {
        let label = "queue"
        defer { display.endProgress(label) }
        return try await MemoryBroker().withConnection { connection in
            let queue = QueueName("bench.queue")
            let message = Message(Array(repeating: 7, count: 64))
            let work = try await connection.consume(from: queue)
            let measurement = try await Measurement(messages) {
                async let sending: Void = {
                    for _ in 0..<messages { try await connection.send(message, to: queue) }
                }()
                var iterator = work.makeAsyncIterator()
                for index in 0..<messages {
                    try await iterator.next()?.ack()
                    if index % 10_000 == 0 { display.progress(label, Double(index) / Double(messages)) }
                }
                try await sending
            }
            return [
                Figures.row("queue, 64 bytes", "messages/s", "ns/message"),
                Figures.row(
                    "send, deliver, acknowledge",
                    Figures.grouped(measurement.perSecond),
                    measurement.nanosecondsEach.formatted(decimals: 0)
                ),
            ]
        }
    }
}
