import Martlet

/// What goes wrong with a database.
///
/// The ``code-swift.property`` is the same for every database; ``state`` is the database's own. Neither the message nor the
/// description holds a value that was bound to a statement. Cancellation is not among them: it is thrown as
/// `CancellationError`.
public struct SQLError: Error, Sendable {
    /// What kind of thing happened.
    public var code: Code
    /// The database's own code: five letters and digits of PostgreSQL, such as `23505`; the number of SQLite's extended
    /// code, such as `2067`. `nil` where the database had no say.
    public var state: String?
    /// What was wrong, and what to do about it.
    public var message: String
    /// The constraint that was violated, where the database names it.
    public var constraint: String?
    /// The statement's text, without its values.
    public var statement: String?

    package init(
        _ code: Code,
        _ message: String,
        state: String? = nil,
        constraint: String? = nil,
        statement: String? = nil
    ) {
        self.code = code
        self.state = state
        self.message = message
        self.constraint = constraint
        self.statement = statement
    }
}

extension SQLError {
    /// What kinds of things go wrong.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name.
        public let description: String

        private init(_ description: String) { self.description = description }

        /// An argument has a value that it can't have.
        public static let invalidArgument = Code("invalid-argument")
        /// A value has no form that a database keeps.
        public static let encodingFailed = Code("encoding-failed")
        /// A row is not what was asked for.
        public static let decodingFailed = Code("decoding-failed")
        /// The database can't be opened or reached.
        public static let notConnected = Code("not-connected")
        /// The link to the database was lost, or leads to a server that writes nothing any more. What its transaction had done
        /// is undone.
        public static let connectionLost = Code("connection-lost")
        /// The database was closed by this program.
        public static let closed = Code("closed")
        /// A session was used after its time, or for two things at once.
        public static let misuse = Code("misuse")
        /// No session was free, or the database was busy, for as long as the settings allow.
        public static let timeout = Code("timeout")
        /// Two rows would have the same key.
        public static let uniqueViolation = Code("unique-violation")
        /// A row would refer to one that is not there.
        public static let foreignKeyViolation = Code("foreign-key-violation")
        /// A column that has to have a value would have none.
        public static let notNullViolation = Code("not-null-violation")
        /// A check failed.
        public static let checkViolation = Code("check-violation")
        /// The transaction could not be made one with others that ran beside it. Run again it may succeed.
        public static let serializationFailure = Code("serialization-failure")
        /// A value is none of its column's type, or out of its range.
        public static let invalidData = Code("invalid-data")
        /// The statement is wrong, or names a table or column that is not there.
        public static let invalidStatement = Code("invalid-statement")
        /// The user may not do that.
        public static let permissionDenied = Code("permission-denied")
        /// The database has no room, neither on its disk nor in memory.
        public static let outOfSpace = Code("out-of-space")
        /// The transaction was undone by the database although its body returned.
        public static let transactionAborted = Code("transaction-aborted")
        /// The link was lost while the transaction was committed, and the database could not be asked whether it was.
        public static let commitUnknown = Code("commit-unknown")
        /// A migration is not what it was when it ran.
        public static let migrationFailed = Code("migration-failed")
        /// A message has no ID by which it could be known again.
        public static let missingMessageID = Code("missing-message-id")
        /// Anything else.
        public static let failed = Code("failed")
    }

    /// The same error of a statement.
    package func of(_ statement: SQLStatement) -> SQLError {
        var error = self
        error.statement = error.statement ?? statement.text
        return error
    }

    /// Whether the same transaction may succeed when it is run again.
    package var isRetriable: Bool { code == .serializationFailure }
}

extension SQLError: CustomStringConvertible {
    /// Code, message, state and statement on one line.
    public var description: String {
        var text = "\(code): \(message)"
        if let state { text += " [\(state)]" }
        if let statement { text += " in \(quoted(statement))" }
        return text
    }
}
