import Martlet
import Synchronization

/// A queue of a client's own that replies come by. It goes with the client's link, and is there again on the next one, as long as
/// somebody holds it.
struct ReplyQueue: Sendable {
    let address: String
    let channel: AMQPChannel
    let consumer: AMQPConsumer

    /// - Parameter prefetch: how many replies may wait to be read.
    init(on connection: AMQPConnection, _ service: String, _ style: MethodStyle, prefetch: Int) async throws {
        address = Self.identifier()
        let exchange = style.exchange(of: service)
        try await connection.declare(exchange)
        do {
            try await connection.declare(AMQPQueue(address, isDurable: false, isExclusive: true, isAutoDeleted: true))
            try await connection.bindQueue(AMQPBinding(from: exchange.name, to: address, routingKey: address))
            channel = try await connection.openChannel()
            consumer = try await channel.consume(from: address, options: AMQPConsumeOptions(prefetch: prefetch))
        } catch {
            // It has no consumer to go with.
            connection.session.forget(address)
            throw error
        }
    }

    func close() async {
        consumer.cancel()
        await channel.close()
    }

    /// 128 random bits in hexadecimal, as these libraries write a UUID.
    static func identifier() -> String {
        (0..<2).map { _ in
            let digits = String(UInt64.random(in: .min ... .max), radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        .joined()
    }
}

/// Calls that wait for their first reply, which all come by one queue.
final class PendingReplies: Sendable {
    private struct State {
        var calls: [String: Promise<MethodStyle.Reply>] = [:]
        /// Why there will be no more replies.
        var end: MessagingError?
    }

    let queue: ReplyQueue
    private let state = Mutex(State())

    init(_ queue: ReplyQueue) {
        self.queue = queue
    }

    var hasEnded: Bool { state.withLock { $0.end != nil } }

    /// A call begins.
    func expect(_ id: String) throws -> Promise<MethodStyle.Reply> {
        let promise = Promise<MethodStyle.Reply>()
        try state.withLock { state in
            if let end = state.end { throw end }
            state.calls[id] = promise
        }
        return promise
    }

    /// A call has ended: what still comes for it is nobody's.
    func forget(_ id: String) { state.withLock { _ = $0.calls.removeValue(forKey: id) } }

    /// Hands replies to those who wait for them, until there are no more.
    func read(_ style: MethodStyle) async {
        do {
            for try await delivery in queue.consumer {
                try? delivery.ack()
                guard let id = delivery.message.properties.correlationID,
                    let promise = state.withLock({ $0.calls.removeValue(forKey: id) })
                else { continue }
                promise.end(Result { try style.read(delivery.message.body) })
            }
            end(.closed)
        } catch {
            end(error as? MessagingError ?? .closed)
        }
    }

    private func end(_ error: MessagingError) {
        let calls = state.withLock { state in
            state.end = error
            defer { state.calls.removeAll() }
            return state.calls.values.map(\.self)
        }
        for promise in calls { promise.end(.failure(error)) }
    }
}
