public import Martlet

/// What a broker gave as the reason for closing a channel or a connection, or for returning a message. It is the
/// `MessagingError.cause` of the error that is thrown.
public struct AMQPReplyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The code (AMQP 0-9-1, 1.2): 404 for what does not exist, 406 for what is declared otherwise, …
    public let code: Int
    /// The broker's text.
    public let text: String

    init(code: Int, text: String) {
        self.code = code
        self.text = text
    }

    init(_ close: ServerMethod.Close) {
        self.init(code: Int(close.code), text: close.text)
    }

    /// Code and text.
    public var description: String { "\(code) \(quoted(text))" }

    static let noRoute = 312
    static let noConsumers = 313
    static let accessRefused = 403
    static let notFound = 404
    static let resourceLocked = 405
    static let preconditionFailed = 406
    static let internalError = 541
}

extension MessagingError {
    /// The code that the broker gave, if it was the broker who caused the error.
    public var amqpReplyCode: Int? { (cause as? AMQPReplyError)?.code }

    /// A channel that the broker closed.
    init(channelClose close: ServerMethod.Close) {
        self.init(.refused, "the broker refused: \(close.text)", cause: AMQPReplyError(close))
    }

    /// A connection that the broker closed.
    init(connectionClose close: ServerMethod.Close) {
        self.init(
            .connectionLost,
            "the broker closed the connection: \(close.text), code \(close.code)",
            cause: AMQPReplyError(close)
        )
    }

    /// A message that the broker returned.
    init(returned: ServerMethod.Returned, to what: String) {
        self.init(
            .noResponder,
            "nobody takes messages to \(what): \(returned.text)",
            cause: AMQPReplyError(code: Int(returned.code), text: returned.text)
        )
    }

    /// A message that the broker did not take on.
    static func notTaken(_ what: String) -> MessagingError {
        MessagingError(.queueFull, "the broker did not take the message to \(what): its queue is full, or has failed")
    }
}
