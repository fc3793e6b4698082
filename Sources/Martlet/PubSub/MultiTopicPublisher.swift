/// Publishes values of one type to any number of topics over one connection, on request only when they change.
public final class MultiTopicPublisher<Value: Codable & Sendable>: Sendable {
    private let connection: any Connection
    private let options: PublishOptions
    private let filter: ChangeFilter
    private let codec: (any Codec)?
    private let gate = ChangeGate()

    /// - Parameters:
    ///   - connection: the connection by which values are published.
    ///   - options: how they are published; by default at most once, not retained.
    ///   - filter: when a value that a topic has already got is published again. The last 10,000 topics count.
    ///   - codec: what values are written with; `nil`: with the connection's.
    public init(
        on connection: any Connection,
        options: PublishOptions = PublishOptions(),
        filter: ChangeFilter = .none,
        codec: (any Codec)? = nil
    ) {
        self.connection = connection
        self.options = options
        self.filter = filter
        self.codec = codec
    }

    /// Publishes a value, unless the filter holds it back.
    ///
    /// A value counts as published once the publish has succeeded. After one that failed nobody knows what the topic has, and
    /// the next one is published whatever it is; so is what differs from one that is under way.
    ///
    /// - Returns: whether it was published.
    /// - Throws: as ``Connection/publish(_:to:options:)-(Message,_,_)``, and ``MessagingError/Code/encodingFailed``.
    @discardableResult
    public func publish(_ value: Value, to topic: TopicName) async throws -> Bool {
        try await publish(encoding: value, to: topic)
    }

    /// Publishes a value, or a part of one.
    func publish(encoding value: some Encodable, to topic: TopicName) async throws -> Bool {
        let message = try connection.runtime.codecs.message(value, codec: codec)
        return try await gate.pass(message.body, to: topic, at: connection.runtime.timers.now, filter: filter) {
            try await connection.publish(message, to: topic, options: options)
        }
    }
}
