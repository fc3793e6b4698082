/// A database, with sessions for whoever needs one.
///
/// ```swift
/// let database = try SQLite("greenhouse.db")
/// try await database.migrate {
///     Migration("readings") { "CREATE TABLE readings (sensor TEXT NOT NULL, celsius REAL NOT NULL)" }
/// }
/// try await database.execute("INSERT INTO readings (sensor, celsius) VALUES (\(sensor), \(celsius))")
/// ```
public protocol Database: Sendable {
    /// Which database it is, for statements that are not the same for all.
    var dialect: SQLDialect { get }

    /// Lends a session to a body. It is given back when the body returns, throws or is cancelled.
    ///
    /// - Throws: what the body throws; ``SQLError/Code/timeout`` when none was free for as long as the settings allow;
    ///   ``SQLError/Code/notConnected``; `CancellationError` while it waits.
    func withSession<Result: Sendable>(
        _ body: @Sendable (any SQLSession) async throws -> Result
    ) async throws -> Result

    /// Runs a body in a transaction: it is committed when the body returns, and undone when it throws or the task is
    /// cancelled. Where the database can't make it one with others the body is run again, as often as the options say, so it
    /// does nothing but what the transaction undoes.
    ///
    /// - Throws: what the body throws, and as ``withSession(_:)``; ``SQLError`` if it could not be committed.
    func transaction<Result: Sendable>(
        _ options: TransactionOptions,
        _ body: @Sendable (SQLTransaction) async throws -> Result
    ) async throws -> Result

    /// Closes the database: waits for the sessions that are lent, and lends no more. Closing twice is no error; cancellation
    /// does not shorten it.
    func close() async
}

/// Which database it is.
public enum SQLDialect: Sendable, Hashable {
    /// SQLite.
    case sqlite
    /// PostgreSQL.
    case postgreSQL
}

extension Database {
    /// Runs a body in a transaction of the usual kind; see ``transaction(_:_:)``.
    public func transaction<Result: Sendable>(
        _ body: @Sendable (SQLTransaction) async throws -> Result
    ) async throws -> Result {
        try await transaction(TransactionOptions(), body)
    }

    /// Runs a statement in a session of its own; see ``SQLSession/execute(_:)``.
    @discardableResult
    public func execute(_ statement: SQL) async throws -> Int {
        if let database = self as? any StatementRunning { return try await database.run(statement).changes }
        return try await withSession { try await $0.execute(statement) }
    }

    /// All rows of a query, in a session of its own; see ``SQLSession/rows(_:as:)``.
    public func rows<Row: Decodable & Sendable>(_ query: SQL, as type: Row.Type = Row.self) async throws -> [Row] {
        if let database = self as? any StatementRunning {
            return try await database.run(query).rows.map { try $0.decode() }
        }
        return try await withSession { try await $0.rows(query, as: type) }
    }

    /// The first row of a query, in a session of its own; see ``SQLSession/first(_:as:)``.
    public func first<Row: Decodable & Sendable>(_ query: SQL, as type: Row.Type = Row.self) async throws -> Row? {
        try await rows(query, as: type).first
    }
}

/// A database that has less to do for a single statement than for a session with one.
package protocol StatementRunning: Database {
    /// Runs a statement in a session of its own.
    func run(_ statement: SQL) async throws -> SQLResult
}

/// Runs a body, and again where the database could not make its transaction one with others.
package func rerunning<Result>(
    _ options: TransactionOptions,
    _ body: () async throws -> Result
) async throws -> Result {
    guard options.attempts >= 1 else {
        throw SQLError(.invalidArgument, "a transaction is run \(options.attempts) times; it must be at least 1")
    }
    var attempt = 1
    while true {
        do {
            return try await body()
        } catch let error as SQLError where error.isRetriable && attempt < options.attempts {
            // Those that got in each other's way are not to do so again.
            try await Task.sleep(for: .milliseconds(Int.random(in: 1...(10 << attempt))))
            attempt += 1
        }
    }
}
