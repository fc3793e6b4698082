import Martlet

/// Publishes values as JSON to an exchange, as programs that use kombu read them.
///
/// ```swift
/// let publish = ExchangePublisher(to: "consume", key: "routing_key", on: connection, of: Result.self)
/// try await publish(Result(result: 0))
/// ```
public actor ExchangePublisher<Value: Encodable & Sendable> {
    private let keys: [String]
    private let channel: ExchangeChannel

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
        self.keys = keys
        channel = ExchangeChannel(AMQPExchange(exchange, kind: kind), on: connection)
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
        for key in keys { try await channel.publish(message, routingKey: key) }
    }
}
