import Martlet
import Synchronization

/// What one consumer has handled, in a database.
final class Inbox: Sendable {
    private struct State {
        var isThere = false
        /// When what is too old was last deleted, in seconds since 1970.
        var purged: Int64 = 0
    }

    private static let hour: Int64 = 3_600

    private static let table = Migration("martlet inbox 1") {
        """
        CREATE TABLE martlet_inbox
        (consumer TEXT NOT NULL, id TEXT NOT NULL, at BIGINT NOT NULL, reply BYTEA, PRIMARY KEY (consumer, id))
        """
        "CREATE INDEX martlet_inbox_at ON martlet_inbox (consumer, at)"
    }

    private let database: any Database
    private let consumer: String
    private let keep: Int64
    private let patience: Patience
    private let state = Mutex(State())

    init(_ database: any Database, consumer: String, keep: Duration) {
        self.database = database
        self.consumer = consumer
        self.keep = max(1, keep.components.seconds)
        patience = Patience(of: consumer, undoes: true)
    }

    private var now: Int64 { WallClock.nanoseconds / 1_000_000_000 }

    /// Runs a body in a transaction, unless the message with this ID was handled before. While the database is away it waits.
    ///
    /// - Returns: what the body returned, or what it returned the first time.
    /// - Throws: what the body throws; as ``Patience/run(givesBack:_:)``.
    @discardableResult
    func once<Result: Codable & Sendable>(
        _ id: String?,
        givesBack: Bool = false,
        keepsResult: Bool = false,
        _ body: @Sendable (SQLTransaction) async throws -> Result
    ) async throws -> Result? {
        var options = TransactionOptions()
        // Run again, the transaction finds its own row, if it was committed.
        options.asksAfterLostCommit = id == nil
        return try await patience.run(givesBack: givesBack) { begin in
            try await prepare()
            return try await database.transaction(options) { db in
                if let id, try await !isNew(id, db) { return try await reply(to: id, db) }
                begin()
                let result = try await body(db)
                if let id, keepsResult { try await store(result, of: id, db) }
                return result
            }
        }
    }

    private func isNew(_ id: String, _ db: SQLTransaction) async throws -> Bool {
        let statement: SQL = """
            INSERT INTO martlet_inbox (consumer, id, at) VALUES (\(consumer), \(id), \(now)) ON CONFLICT DO NOTHING
            """
        return try await db.execute(statement) == 1
    }

    private func reply<Result: Codable & Sendable>(to id: String, _ db: SQLTransaction) async throws -> Result? {
        let query: SQL = "SELECT reply FROM martlet_inbox WHERE consumer = \(consumer) AND id = \(id)"
        guard let reply = try await db.first(query, as: [UInt8]?.self) ?? nil else { return nil }
        return try JSONCodec().decode(Result.self, from: reply)
    }

    private func store<Result: Codable & Sendable>(_ result: Result, of id: String, _ db: SQLTransaction) async throws {
        let reply = try JSONCodec().encode(result)
        try await db.execute("UPDATE martlet_inbox SET reply = \(reply) WHERE consumer = \(consumer) AND id = \(id)")
    }

    /// Makes the table when it is first needed, and deletes what is too old once an hour.
    private func prepare() async throws {
        let (isThere, purged) = state.withLock { ($0.isThere, $0.purged) }
        let now = now
        guard !isThere || now - purged >= Self.hour else { return }
        if !isThere { try await database.migrate { Self.table } }
        try await database.execute("DELETE FROM martlet_inbox WHERE consumer = \(consumer) AND at < \(now - keep)")
        state.withLock { $0 = State(isThere: true, purged: now) }
    }
}
