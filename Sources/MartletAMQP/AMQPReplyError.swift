import CRabbitMQ
public import Martlet

/// What a broker gave as the reason for closing a channel or a connection, or for returning a message. It is the
/// `MessagingError.cause` of the error that is thrown.
public struct AMQPReplyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The code (AMQP 0-9-1, 1.2): 404 for what does not exist, 406 for what is declared otherwise, …
    public let code: Int
    /// The broker's text.
    public let text: String
    /// The number of the method that it answers; 0: of none.
    let method: UInt32

    init(code: Int, text: String, method: UInt32 = 0) {
        self.code = code
        self.text = text
        self.method = method
    }

    init(_ close: ServerMethod.Close) {
        self.init(code: Int(close.code), text: close.text, method: close.method)
    }

    /// Code and text.
    public var description: String { "\(code) \(quoted(text))" }

    /// Whether it is for a while only: a queue is there, and the node that has it is not. RabbitMQ says so by the code for what
    /// does not exist.
    var isNodeAway: Bool { code == Self.notFound && text.contains("is down or inaccessible") }

    /// Whether it is about something that this broker does not do any more, or is told not to. RabbitMQ ends the connection for
    /// that, and does so again each time.
    var isDeniedFeature: Bool { code == Self.internalError && text.contains("is deprecated") }

    /// Whether a queue was declared that exists, as a stream.
    var isStream: Bool {
        difference.map { $0.argument == "x-queue-type" && $0.current == AMQPQueue.Kind.stream.rawValue } ?? false
    }

    /// How something is that was declared otherwise: the first argument that differs, and its value; `nil`: it has none.
    var difference: (argument: String, current: String?)? {
        let words = ("inequivalent arg '", "but current is ")
        guard code == Self.preconditionFailed, let start = text.firstRange(of: words.0)?.upperBound,
            let current = text[start...].ranges(of: words.1).last?.upperBound
        else { return nil }
        // With a type, if the other one has none; and without the argument there is no value.
        let value = text[current...].split(separator: "'", omittingEmptySubsequences: false).dropFirst().first
        return (String(text[start...].prefix { $0 != "'" }), value.map(String.init))
    }

    /// What the user has no right to, in RabbitMQ's words for rights; `nil` if that is not the reason.
    var missingRight: String? {
        // Names that are reserved, and what another consumer has for itself, are refused by this code as well.
        guard code == Self.accessRefused, text.contains("access to") else { return nil }
        let isQueue = text.contains("access to queue")
        return switch method {
        // Its arguments may name an exchange for dead letters.
        case AMQP_QUEUE_DECLARE_METHOD: isQueue ? "configure" : "write"
        case AMQP_QUEUE_DELETE_METHOD, AMQP_EXCHANGE_DECLARE_METHOD, AMQP_EXCHANGE_DELETE_METHOD: "configure"
        case AMQP_QUEUE_BIND_METHOD, AMQP_QUEUE_UNBIND_METHOD: isQueue ? "write" : "read"
        case AMQP_EXCHANGE_BIND_METHOD, AMQP_EXCHANGE_UNBIND_METHOD: "write to the one, or read from the other"
        case AMQP_BASIC_CONSUME_METHOD, AMQP_BASIC_GET_METHOD, AMQP_QUEUE_PURGE_METHOD: "read"
        case AMQP_BASIC_PUBLISH_METHOD: "write"
        default: nil
        }
    }

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

    /// Whether it is one of a queue whose node is away.
    var isOfAbsentNode: Bool { (cause as? AMQPReplyError)?.isNodeAway ?? false }

    /// Whether it is of something that the broker does not do any more, and says so by ending the connection.
    var isOfDeniedFeature: Bool { (cause as? AMQPReplyError)?.isDeniedFeature ?? false }

    /// A queue that is a stream: reading does not take from it, and nothing goes back.
    static func isStream(_ queue: String, cause: (any Error)? = nil) -> MessagingError {
        MessagingError(
            .unsupported,
            "the queue \(quoted(queue)) is a stream, which is not consumed as a queue is: read it by a channel",
            cause: cause
        )
    }

    /// A channel that the broker closed.
    init(channelClose close: ServerMethod.Close) {
        let cause = AMQPReplyError(close)
        let right = cause.missingRight.map { "; the right that is missing: \($0)" } ?? ""
        self.init(
            .refused,
            "the broker refused: \(close.text)\(right)",
            cause: cause,
            isRetriable: cause.isNodeAway ? true : nil
        )
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
