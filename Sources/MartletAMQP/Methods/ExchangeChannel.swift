import Martlet

/// A channel by which messages are published to one exchange, which is declared. It is opened with the first message, and
/// with the next one after the broker has closed it because of another.
actor ExchangeChannel {
    private let exchange: AMQPExchange
    private let connection: AMQPConnection
    private var channel: AMQPChannel?

    init(_ exchange: AMQPExchange, on connection: AMQPConnection) {
        self.exchange = exchange
        self.connection = connection
    }

    /// Publishes a message; returns when the broker has it.
    func publish(_ message: AMQPMessage, routingKey: String) async throws {
        let channel = try await open()
        do {
            try await channel.publish(message, to: exchange.name, routingKey: routingKey)
        } catch let error as MessagingError where error.code == .refused {
            // The channel has ended with it.
            if self.channel === channel { self.channel = nil }
            throw error
        }
    }

    func close() async {
        await channel.take()?.close()
    }

    private func open() async throws -> AMQPChannel {
        if let channel { return channel }
        try await connection.declare(exchange)
        let opened = try await connection.openChannel()
        // Another message may have been faster.
        if let channel { return channel }
        channel = opened
        return opened
    }
}
