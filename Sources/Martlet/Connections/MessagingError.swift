/// What goes wrong in Martlet, whatever the broker.
///
/// The ``code-swift.property`` says what kind of thing happened and is stable; the message says what was wrong,
/// where, and what to do. Neither holds a message's body or a secret. Cancellation is not among them: it is
/// thrown as `CancellationError`.
///
/// A handler of an RPC or an action may throw one with a code of its own; the caller gets it with that code.
public struct MessagingError: Error, Sendable {
    /// What kind of thing happened.
    public var code: Code
    /// What was wrong, where, and what to do about it.
    public var message: String
    /// The error beneath this one.
    public var cause: (any Error)?
    /// Whether the same call may succeed later without a change on this side.
    public var isRetriable: Bool

    /// - Parameters:
    ///   - code: what kind of thing happened.
    ///   - message: what was wrong, where, and what to do about it. It holds no body and no secret.
    ///   - cause: the error beneath this one.
    ///   - isRetriable: whether the same call may succeed later; by default as the code says.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil, isRetriable: Bool? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
        self.isRetriable = isRetriable ?? Code.retriable.contains(code)
    }
}

extension MessagingError: CustomStringConvertible {
    /// Code, message and cause on one line.
    public var description: String {
        cause.map { "\(code): \(message) (\($0))" } ?? "\(code): \(message)"
    }
}

/// A piece of text from outside as it may stand in an error: in quotes, and not longer than a line.
package func quoted(_ text: String) -> String { shortened(text).debugDescription }

/// At most 80 scalars of a text. (One character may be of any length.)
func shortened(_ text: String) -> String {
    if text.unicodeScalars.prefix(81).count <= 80 { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.prefix(77))) + "…"
}
