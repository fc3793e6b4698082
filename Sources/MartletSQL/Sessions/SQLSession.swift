/// A session with a database, for as long as the body that it was given to runs.
///
/// One task uses it at a time: statements of several tasks are an error, not a queue, for on one link they can't run side by
/// side. Tasks that work side by side take a session each.
///
/// When the task is cancelled the database is told to stop the statement, and the call throws `CancellationError` once it has.
public protocol SQLSession: Sendable {
    /// Runs a statement.
    ///
    /// - Returns: how many rows it inserted, changed or deleted.
    /// - Throws: ``SQLError``; `CancellationError`.
    @discardableResult func execute(_ statement: SQL) async throws -> Int

    /// All rows of a query, each as a value of a type; see ``SQLRow/decode(_:)``.
    ///
    /// - Throws: ``SQLError``, with ``SQLError/Code/decodingFailed`` for a row that is none; `CancellationError`.
    func rows<Row: Decodable & Sendable>(_ query: SQL, as type: Row.Type) async throws -> [Row]

    /// Reads the rows of a query one by one, for results that are too large to be held at once.
    ///
    /// Rows come as they are asked for; a few are fetched ahead. Meanwhile the session runs nothing else. When the body
    /// returns or throws, what was not read is left; what an `INSERT … RETURNING` or the like has written stays.
    ///
    /// ```swift
    /// try await db.withRows("SELECT id, name FROM users", as: User.self) { users in
    ///     for try await user in users { print(user.name) }
    /// }
    /// ```
    func withRows<Row: Decodable & Sendable, Result: Sendable>(
        _ query: SQL,
        as type: Row.Type,
        _ body: @Sendable (SQLRows<Row>) async throws -> Result
    ) async throws -> Result

    /// Runs a body in a transaction: it is committed when the body returns, and undone when it throws or the task is
    /// cancelled. In a transaction that is a part of it, which can be undone alone.
    ///
    /// - Throws: what the body throws; ``SQLError`` if it could not be committed.
    func transaction<Result: Sendable>(
        _ options: TransactionOptions,
        _ body: @Sendable (SQLTransaction) async throws -> Result
    ) async throws -> Result
}

extension SQLSession {
    /// All rows of a query, each as a value of the type that is wanted; see ``rows(_:as:)``.
    public func rows<Row: Decodable & Sendable>(_ query: SQL) async throws -> [Row] {
        try await rows(query, as: Row.self)
    }

    /// The first row of a query; `nil` if there is none. All of them are fetched, so say `LIMIT 1` where there may be many.
    ///
    /// - Throws: as ``rows(_:as:)``.
    public func first<Row: Decodable & Sendable>(_ query: SQL, as type: Row.Type = Row.self) async throws -> Row? {
        try await rows(query, as: type).first
    }

    /// Runs a body in a transaction of the usual kind.
    ///
    /// - Throws: as ``transaction(_:_:)``.
    public func transaction<Result: Sendable>(
        _ body: @Sendable (SQLTransaction) async throws -> Result
    ) async throws -> Result {
        try await transaction(TransactionOptions(), body)
    }
}

/// What kind of transaction it is.
public struct TransactionOptions: Sendable, Hashable {
    /// How much a transaction sees of those that run beside it. On SQLite every one is serializable: writers wait for each
    /// other.
    public enum Isolation: Sendable, Hashable {
        /// Each statement sees what was committed before it.
        case readCommitted
        /// All statements see what was committed before the first one.
        case repeatableRead
        /// As if transactions ran one after the other. One that can't is run again.
        case serializable
    }

    /// By default what the database does where nothing is said.
    public var isolation: Isolation?
    /// Whether it only reads. On SQLite such a one runs beside the writer.
    public var isReadOnly: Bool
    /// How often in all the body is run where the database could not make the transaction one with others: 1 or more.
    public var attempts: Int
    /// Whether the database is asked what became of a transaction whose commit was not answered. Whoever can tell by what it
    /// has written does without: a server that has crashed may know another transaction by the same number.
    package var asksAfterLostCommit = true
    /// Whether SQLite leaves foreign keys alone meanwhile, neither checking them nor acting on them. Whoever says so checks them
    /// before the end.
    package var ignoresForeignKeys = false

    /// - Parameters:
    ///   - isolation: how much it sees of others.
    ///   - isReadOnly: whether it only reads.
    ///   - attempts: how often the body is run at most; by default 4 times.
    public init(isolation: Isolation? = nil, isReadOnly: Bool = false, attempts: Int = 4) {
        self.isolation = isolation
        self.isReadOnly = isReadOnly
        self.attempts = attempts
    }
}
