import Martlet

/// Publishes values as JSON to an exchange, as programs that use kombu read them.
///
/// ```swift
/// let publish = ExchangePublisher(to: "consume", key: "routing_key", on: connection, of: Result.self)
/// try await publish(Result(result: 0))
/// ```
public actor ExchangePublisher<Value: Encodable & Sendable> {
    private let exchange: AMQPExchange
    private let keys: [String]
    private let connection: AMQPConnection
    private var channel: AMQPChannel?

    /// A publisher. It declares its exchange, durable, with the first value.
    ///
    /// - Parameters:
    ///   - exchange: its name.
    ///   - keys: routing keys; each gets a message of its own.
    ///   - kind: by what rule the exchange picks queues.
    ///   - connection: by which it publishes.
    ///   - type: what it publishes.
    public init(
        to exchange: String,
        keys: [String],
        kind: AMQPExchange.Kind = .direct,
        on connection: AMQPConnection,
        of type: Value.Type = Value.self
    ) {
        self.exchange = AMQPExchange(exchange, kind: kind)
        self.keys = keys
        self.connection = connection
    }

    /// A publisher with one routing key.
    public init(
        to exchange: String,
        key: String,
        kind: AMQPExchange.Kind = .direct,
        on connection: AMQPConnection,
        of type: Value.Type = Value.self
    ) {
        self.init(to: exchange, keys: [key], kind: kind, on: connection, of: type)
    }

    /// Publishes a value; returns when the broker has it. A message that no queue is bound for is nobody's.
    ///
    /// - Throws: `MessagingError.Code.refused` if the exchange is there and is otherwise; `MessagingError.Code.encodingFailed`;
    ///   what ``AMQPChannel/publish(_:to:routingKey:isMandatory:)`` throws.
    public func callAsFunction(_ value: Value) async throws {
        let message = AMQPMessage(try JSONCodec().encode(value), properties: .json())
        let channel = try await openChannel()
        do {
            for key in keys { try await channel.publish(message, to: exchange.name, routingKey: key) }
        } catch let error as MessagingError where error.code == .refused {
            // The channel has ended with it.
            self.channel = nil
            throw error
        }
    }

    private func openChannel() async throws -> AMQPChannel {
        if let channel { return channel }
        try await connection.declare(exchange)
        let opened = try await connection.openChannel()
        // Another call may have been faster.
        if let channel { return channel }
        channel = opened
        return opened
    }
}
