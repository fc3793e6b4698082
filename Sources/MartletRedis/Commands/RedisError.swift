import Martlet

/// An error that the server answers with, such as `WRONGTYPE Operation against a key holding the wrong kind of value`.
///
/// Calls throw it inside a `MessagingError` with the code `MessagingError.Code.refused`, as its cause.
public struct RedisError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The server's words.
    public let message: String

    /// An error of its text.
    public init(_ message: String) { self.message = message }

    /// The first word, which says what kind of error it is: `ERR`, `WRONGTYPE`, `NOAUTH`.
    public var prefix: Substring { message.prefix { $0 != " " } }

    /// The server's words, not longer than a line.
    public var description: String { quoted(message) }

    /// As calls throw it.
    func asMessagingError(_ what: @autoclosure () -> String) -> MessagingError {
        MessagingError(
            .refused,
            "the server refused \(what()): \(description)",
            cause: self,
            isRetriable: Self.passing.contains(String(prefix))
        )
    }

    /// Kinds of errors that pass without anybody's doing.
    private static let passing: Set<String> = ["LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "OOM"]
}

extension RedisValue {
    /// Throws `MessagingError.Code.refused` if the server has answered with an error.
    ///
    /// - Parameter what: what the server was asked for; the error names it.
    func check(_ what: @autoclosure () -> String) throws {
        if let error { throw error.asMessagingError(what()) }
    }
}
