/// A transaction of a database, for as long as the body that it was given to runs.
///
/// What it does is there for others when it is committed, all at once, or not at all.
public final class SQLTransaction: SQLSession {
    private let session: LinkSession
    /// How many transactions it is a part of.
    private let depth: Int

    init(_ session: LinkSession, depth: Int = 0) {
        self.session = session
        self.depth = depth
    }

    func end() throws(SQLError) { try session.end() }
    func abandon() { session.abandon() }

    /// Runs a statement; see ``SQLSession/execute(_:)``.
    @discardableResult
    public func execute(_ statement: SQL) async throws -> Int { try await session.execute(statement) }

    /// All rows of a query; see ``SQLSession/rows(_:as:)``.
    public func rows<Row: Decodable & Sendable>(_ query: SQL, as type: Row.Type) async throws -> [Row] {
        try await session.rows(query, as: type)
    }

    /// The rows of a query one by one; see ``SQLSession/withRows(_:as:_:)``.
    public func withRows<Row: Decodable & Sendable, Result: Sendable>(
        _ query: SQL,
        as type: Row.Type,
        _ body: @Sendable (SQLRows<Row>) async throws -> Result
    ) async throws -> Result {
        try await session.withRows(query, as: type, body)
    }

    /// Runs a body in a part of this transaction (a savepoint): what it did is undone when it throws, and the rest is not.
    /// Meanwhile this transaction runs nothing else.
    ///
    /// - Parameters:
    ///   - options: have no effect: the part is of the kind that the whole is.
    ///   - body: runs once.
    public func transaction<Result: Sendable>(
        _ options: TransactionOptions,
        _ body: @Sendable (SQLTransaction) async throws -> Result
    ) async throws -> Result {
        try await session.alone {
            let link = session.link
            let savepoint = "martlet_\(depth + 1)"
            _ = try await link.run(SQLStatement(text: "SAVEPOINT \(savepoint)"))
            let part = SQLTransaction(LinkSession(link), depth: depth + 1)
            do {
                let result = try await body(part)
                try Task.checkCancellation()
                try part.end()
                _ = try await link.run(SQLStatement(text: "RELEASE SAVEPOINT \(savepoint)"))
                return result
            } catch {
                part.abandon()
                try? await link.closeStream()
                await link.rollback(to: savepoint)
                throw error
            }
        }
    }
}
