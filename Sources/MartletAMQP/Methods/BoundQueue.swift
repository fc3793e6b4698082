import Logging
import Martlet
import ServiceLifecycle

/// A queue that a component reads, bound to an exchange, by a channel of its own.
///
/// The broker may end that: the queue is deleted, or a delivery is held for longer than it allows. Then all of it is declared and
/// consumed anew, later each time, once what is in hand has been dealt with. So no more is in hand than is fetched ahead.
struct BoundQueue: Sendable {
    let exchange: AMQPExchange
    let queue: AMQPQueue
    let binding: AMQPBinding
    /// How many messages may be fetched ahead.
    let prefetch: Int
    let connection: AMQPConnection

    /// The queue as it is consumed now.
    struct Reading: Sendable {
        let channel: AMQPChannel
        let consumer: AMQPConsumer
    }

    /// Declares the exchange, the queue and the binding, and consumes the queue.
    func open() async throws -> Reading {
        try await connection.declare(exchange)
        try await connection.declare(queue)
        try await connection.bindQueue(binding)
        let channel = try await connection.openChannel(confirms: false)
        let options = AMQPConsumeOptions(prefetch: prefetch)
        return Reading(channel: channel, consumer: try await channel.consume(from: queue.name, options: options))
    }

    /// Reads until the node stops.
    ///
    /// - Parameters:
    ///   - reading: how it is consumed at first.
    ///   - read: reads a consumer to its end.
    func read(
        _ reading: Reading,
        _ context: NodeContext,
        _ read: (AMQPConsumer) async throws -> Void
    ) async throws {
        var reading = reading
        while true {
            let (channel, consumer) = (reading.channel, reading.consumer)
            do {
                try await withGracefulShutdownHandler {
                    try await read(consumer)
                } onGracefulShutdown: {
                    consumer.cancel()
                }
                return await channel.close()
            } catch let error as MessagingError where error.code == .refused {
                await channel.close()
                context.logger.warning(
                    "the broker has ended the consumer of a queue, which is opened anew",
                    metadata: ["queue": "\(queue.name)", "error": "\(error)"]
                )
                guard let next = try await openAgain(context) else { return }
                reading = next
            } catch {
                await channel.close()
                throw error
            }
        }
    }

    /// - Returns: `nil` if the node is to stop.
    private func openAgain(_ context: NodeContext) async throws -> Reading? {
        for attempt in 1... {
            do {
                let pause = AMQPSession.pause(before: attempt)
                let timers = connection.runtime.timers
                guard try await untilShutdown({ try await timers.sleep(for: pause) }) != nil else { return nil }
                return try await open()
            } catch let error as MessagingError where error.code != .connectionClosed {
                context.logger.log(
                    level: attempt == 1 ? .warning : .debug,
                    "a queue could not be consumed again at attempt \(attempt)",
                    metadata: ["queue": "\(queue.name)", "error": "\(error)"]
                )
            }
        }
        return nil
    }
}
