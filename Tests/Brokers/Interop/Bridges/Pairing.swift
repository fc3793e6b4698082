import Testing

/// A bridge's two brokers: that of the callers and publishers, and that of the services and subscribers.
struct Pairing: Sendable, Hashable, CustomTestStringConvertible {
    let near: Broker
    let far: Broker

    /// commlib-py speaks MQTT 3.1.1 alone; the bridge speaks MQTT 5, as it does by default.
    private static let brokers: [Broker] = [.mqtt5, .amqp, .redis]

    static let all = brokers.flatMap { near in brokers.map { Pairing(near: near, far: $0) } }

    var testDescription: String { "\(near.rawValue) → \(far.rawValue)" }
}
