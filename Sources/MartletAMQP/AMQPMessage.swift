/// A message as AMQP has it: a body and properties.
public struct AMQPMessage: Sendable, Hashable {
    /// The content.
    public var body: [UInt8]
    /// What travels beside it.
    public var properties: AMQPProperties

    /// A message of bytes.
    public init(_ body: [UInt8] = [], properties: AMQPProperties = AMQPProperties()) {
        self.body = body
        self.properties = properties
    }

    /// A message of text, in UTF-8.
    public init(_ text: String, properties: AMQPProperties = AMQPProperties()) {
        self.init(Array(text.utf8), properties: properties)
    }

    /// The message of received content, without what was added for the way.
    init(_ content: ContentAssembly.Content) {
        self.init(content.body, properties: content.properties)
        guard properties.headers?[AMQPPublish.returnHeader] != nil else { return }
        properties.headers?[AMQPPublish.returnHeader] = nil
        if properties.headers?.isEmpty == true { properties.headers = nil }
    }
}

extension AMQPMessage: CustomStringConvertible {
    /// The size alone: bodies and headers may hold secrets and do not belong in logs.
    public var description: String { "AMQPMessage(\(body.count) bytes)" }
}
