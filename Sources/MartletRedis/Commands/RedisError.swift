import Martlet

/// An error that the server answers with, such as `WRONGTYPE Operation against a key holding the wrong kind of value`.
///
/// Calls throw it inside a `MessagingError` with the code `MessagingError.Code.refused`, as its cause.
public struct RedisError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What an answer says about asking again. The one place that knows it.
    enum Outlook: Hashable {
        /// This server will never do it, unless somebody changes the server.
        case final
        /// It is refused now, and may be done later without anybody's doing here.
        case passing
        /// This server is the wrong one: it is a replica, or has become one.
        case elsewhere
        /// Another node of the cluster keeps the key, and is named.
        case moved
    }

    /// The server's words.
    public let message: String
    /// Whether these are no words of the server's: its reply was not taken in.
    let isUnread: Bool

    /// An error of its text.
    public init(_ message: String) { self.init(message, isUnread: false) }

    private init(_ message: String, isUnread: Bool) {
        self.message = message
        self.isUnread = isUnread
    }

    /// What stands in the place of a reply that was not taken in.
    static func unread(_ reason: String) -> RedisError { RedisError("UNREAD \(reason)", isUnread: true) }

    /// The first word, which says what kind of error it is: `ERR`, `WRONGTYPE`, `NOAUTH`.
    public var prefix: Substring { message.prefix { $0 != " " } }

    /// The server's words, not longer than a line.
    public var description: String { quoted(message) }

    /// As calls throw it.
    func asMessagingError(_ what: @autoclosure () -> String) -> MessagingError {
        guard !isUnread else {
            return MessagingError(.bodyTooLarge, "the reply to \(what()) was not read: \(description)", cause: self)
        }
        return MessagingError(
            .refused,
            "the server refused \(what()): \(description)",
            cause: self,
            isRetriable: outlook != .final
        )
    }

    /// What it says about asking again.
    var outlook: Outlook {
        isUnread ? .final : Self.outlooks[kind] ?? .final
    }

    /// The first word; or that of the reason, where the first says only that a script or a transaction did not run. Before
    /// Redis 7 a script's error hides its reason: `ERR Error running script …: -READONLY …`.
    var kind: Substring {
        if message.hasPrefix("ERR max number of clients") { return "MAXCLIENTS" }
        let mark =
            message.hasPrefix("ERR Error running script") ? ": -" : prefix == "EXECABORT" ? "because of: " : nil
        guard let mark, let found = message.firstRange(of: mark) else { return prefix }
        return message[found.upperBound...].prefix { $0 != " " }
    }

    private static let outlooks: [Substring: Outlook] = [
        "LOADING": .passing, "BUSY": .passing, "TRYAGAIN": .passing, "CLUSTERDOWN": .passing, "OOM": .passing,
        "NOREPLICAS": .passing, "MISCONF": .passing, "ASK": .passing, "MAXCLIENTS": .passing,
        "READONLY": .elsewhere, "UNBLOCKED": .elsewhere, "MASTERDOWN": .elsewhere,
        "MOVED": .moved,
    ]
}

extension RedisValue {
    /// Throws `MessagingError.Code.refused` if the server has answered with an error.
    ///
    /// - Parameter what: what the server was asked for; the error names it.
    func check(_ what: @autoclosure () -> String) throws {
        if let error { throw error.asMessagingError(what()) }
    }

    /// The first error of a request's replies.
    var firstError: RedisError? {
        switch self {
        case .error(let error): error
        case .array(let values): values.lazy.compactMap(\.error).first
        case .null, .integer, .status, .bytes: nil
        }
    }
}
