public import Martlet

/// A component that handles what is published for a service on some topics, one message after the other.
///
/// ```swift
/// Handle("powersave") { (isOn: Bool) in try await memory.update { $0.powersave = isOn } }
/// Handle("sms/send/#") { (text: String, number: String) in try await modem.send(text, to: number) }
/// Handle(.global("radio/+/temperature")) { (reading: Received<Double>) in print(reading.topic, reading.value) }
/// ```
///
/// Values are read as `PlainText` reads them: a `Bool` is `1`, `0`, `on`, `off`, `true` or `false`; a `String` is the text as it
/// is; an optional is `nil` if nothing stands there; types with members are JSON. An error that the handler throws, and a value
/// that can't be read, is counted and logged, and the next message is handled. As in MQTT `sms/send/#` also stands for
/// `sms/send` itself.
public struct Handle: Component {
    /// `Handle` and the topic.
    public let name: String
    /// The topic as it was written, and the type of its values.
    public let contract: ComponentContract?
    private let topic: ServiceTopic
    private let options: SubscribeOptions
    private let subscribe: @Sendable (TopicName) -> Subscribe

    /// Handles values together with where they came from.
    ///
    /// - Parameters:
    ///   - topic: where the values come from; it may have wildcards.
    ///   - options: how it is subscribed to.
    ///   - handler: is called for each value.
    public init<Value: Codable & Sendable>(
        _ topic: ServiceTopic,
        options: SubscribeOptions = SubscribeOptions(),
        handler: @escaping @Sendable (Received<Value>) async throws -> Void
    ) {
        name = "Handle \(topic)"
        contract = ComponentContract(kind: "Handle", name: topic.text, types: [Value.self])
        self.topic = topic
        self.options = options
        subscribe = { base in
            let filter = TopicFilter<Value>(topic.pattern(below: base))
            return Subscribe(to: filter, options: options, codec: PlainText(), handler: handler)
        }
    }

    /// Handles values.
    ///
    /// - Parameters:
    ///   - topic: where the values come from; it may have wildcards.
    ///   - options: how it is subscribed to.
    ///   - handler: is called for each value.
    public init<Value: Codable & Sendable>(
        _ topic: ServiceTopic,
        options: SubscribeOptions = SubscribeOptions(),
        handler: @escaping @Sendable (Value) async throws -> Void
    ) {
        self.init(topic, options: options) { (received: Received<Value>) in try await handler(received.value) }
    }

    /// Handles values, each with what the topic's `#` stands for.
    ///
    /// - Parameters:
    ///   - topic: where the values come from; its last level is `#`.
    ///   - options: how it is subscribed to.
    ///   - handler: is called for each value, with the rest of its topic: empty for the topic without a rest, and with slashes
    ///     or dots as `topic` has them.
    public init<Value: Codable & Sendable>(
        _ topic: ServiceTopic,
        options: SubscribeOptions = SubscribeOptions(),
        handler: @escaping @Sendable (Value, String) async throws -> Void
    ) {
        self.init(topic, options: options) { (received: Received<Value>) in
            try await handler(received.value, topic.text(ofRest: received.rest))
        }
    }

    /// It can be found once it subscribes.
    public var reportsReadiness: Bool { true }

    /// Checks the topic and the options.
    public func validate() throws {
        try topic.pattern.validate()
        try options.validate()
    }

    /// Handles messages until the node stops.
    public func run(in context: NodeContext) async throws {
        try await subscribe(context.base).run(in: context)
    }
}
