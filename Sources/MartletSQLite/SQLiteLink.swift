import CSQLite
import MartletSQL
import MartletTransport

/// A connection of SQLite's on a thread of its own: its calls block.
actor SQLiteLink: SQLLink {
    enum Role: Sendable {
        case reader, writer
    }

    /// How many rows of a stream are fetched at a time.
    private static var batchSize: Int { 128 }

    private let thread: OwnedLoop
    private let handle: SQLiteHandle
    /// Whether the database has no other link.
    private let isAlone: Bool
    /// Set when it is configured: what configures a reader counts as writing.
    private var role = Role.writer
    private var cursor: SQLiteCursor?
    /// Whether a transaction was begun and not yet ended by this link.
    private var isInTransaction = false
    /// Whether foreign keys are left alone until the transaction is over. SQLite changes that between transactions only.
    private var ignoresForeignKeys = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.loop.asUnownedSerialExecutor() }

    init(_ path: String, _ role: Role, patience: Duration) async throws {
        thread = try OwnedLoop("martlet-sqlite")
        handle = try SQLiteHandle(path, patience: patience)
        isAlone = path == ":memory:"
        do {
            try configure(role)
        } catch {
            await close()
            throw error
        }
    }

    private func configure(_ role: Role) throws {
        guard try keepsWriteAheadLog() || isAlone else {
            throw SQLError(
                .notConnected,
                "the database can't be opened: where it lies SQLite can't keep a write-ahead log"
            )
        }
        var pragmas = ["synchronous = FULL", "foreign_keys = ON"]
        if role == .reader { pragmas.append("query_only = ON") }
        for pragma in pragmas { _ = try collect(SQLStatement(text: "PRAGMA \(pragma)"), nil) }
        if role == .reader { handle.refuseToTellOfWrites() }
        self.role = role
    }

    /// Asks for a write-ahead log, and tells whether there is one.
    ///
    /// Several links may ask for it at once in a new file. Then SQLite does not ask the busy handler: it fails at once.
    private func keepsWriteAheadLog() throws -> Bool {
        let statement = SQLStatement(text: "PRAGMA journal_mode = WAL")
        var attempt: CInt = 0
        while true {
            do {
                return try collect(statement, nil).rows.first?.values.first == .text("wal")
            } catch let error as SQLError where error.code == .timeout && handle.waitsForLock(attempt: attempt) {
                attempt += 1
            }
        }
    }

    // MARK: Statements

    func run(_ statement: SQLStatement) async throws -> SQLResult {
        let result = try await stoppable { job in try collect(statement, job) }
        try checkThatNothingWasBegun()
        return result
    }

    /// A session's statements are run by several links: a transaction that one of them began would hold nothing of what the
    /// others do.
    private func checkThatNothingWasBegun() throws {
        guard !isAlone, !isInTransaction, hasTransaction else { return }
        _ = try collect(SQLStatement(text: "ROLLBACK"), nil)
        throw SQLError(.misuse, "a transaction is begun by the method transaction, not by a statement")
    }

    /// Does something that ends when the task is cancelled. It runs on the link's thread, as all of the link does.
    private func stoppable<Result: Sendable>(_ body: (SQLiteHandle.Job) throws -> Result) async throws -> Result {
        let job = SQLiteHandle.Job()
        return try await withTaskCancellationHandler {
            // Captured, it keeps this on the link's thread; it would go to the pool that all tasks share, and block it.
            _ = self
            return try body(job)
        } onCancel: { [handle] in
            handle.stop(job)
        }
    }

    private func prepare(_ statement: SQLStatement) throws -> SQLiteCursor {
        guard cursor == nil else { throw SQLError(.misuse, "the rows of a query are being read") }
        try checkTransaction()
        let cursor = try SQLiteCursor(statement, on: handle.pointer)
        if role == .reader, !cursor.isReadOnly { throw WriterNeeded() }
        return cursor
    }

    /// SQLite undoes a transaction by itself when its disk is full, or when a statement of it is stopped. What comes after
    /// must not be done as if it were one.
    private func checkTransaction() throws {
        guard isInTransaction, !hasTransaction else { return }
        throw SQLError(.transactionAborted, "the transaction was undone by an error before")
    }

    private var hasTransaction: Bool { sqlite3_get_autocommit(handle.pointer) == 0 }

    private func collect(_ statement: SQLStatement, _ job: SQLiteHandle.Job?) throws -> SQLResult {
        try handle.perform(job) {
            let cursor = try prepare(statement)
            let before = sqlite3_total_changes64(handle.pointer)
            var rows: [SQLRow] = []
            while let row = try cursor.next() { rows.append(SQLRow(cursor.columns, row)) }
            // The count is that of the last statement that changed something.
            let hasChanged = sqlite3_total_changes64(handle.pointer) != before
            return SQLResult(rows: rows, changes: hasChanged ? Int(sqlite3_changes64(handle.pointer)) : 0)
        }
    }

    // MARK: Streams

    func openStream(_ statement: SQLStatement) async throws -> SQLColumns {
        try await stoppable { job in
            try handle.perform(job) {
                let cursor = try prepare(statement)
                try cursor.start()
                self.cursor = cursor
                return cursor.columns
            }
        }
    }

    func nextRows() async throws -> [[SQLValue]] {
        guard let cursor else { return [] }
        return try await stoppable { job in
            do {
                let rows = try handle.perform(job) {
                    var rows: [[SQLValue]] = []
                    while rows.count < Self.batchSize, let row = try cursor.next() { rows.append(row) }
                    return rows
                }
                if rows.isEmpty { self.cursor = nil }
                return rows
            } catch {
                self.cursor = nil
                throw error
            }
        }
    }

    func closeStream() async throws {
        guard let cursor else { return }
        self.cursor = nil
        try handle.perform(nil) { try cursor.finish() }
    }

    // MARK: Transactions

    func begin(_ options: TransactionOptions) async throws {
        try checkTransaction()
        if options.ignoresForeignKeys {
            _ = try collect(SQLStatement(text: "PRAGMA foreign_keys = OFF"), nil)
            ignoresForeignKeys = true
        }
        // One that writes has to be the writer from its beginning: one that becomes it later can't wait for another.
        let kind = options.isReadOnly ? "DEFERRED" : "IMMEDIATE"
        _ = try await stoppable { job in try collect(SQLStatement(text: "BEGIN \(kind)"), job) }
        isInTransaction = true
    }

    func commit() async throws {
        defer { leaveTransaction() }
        try checkTransaction()
        do {
            _ = try collect(SQLStatement(text: "COMMIT"), nil)
        } catch {
            // A constraint that was deferred, or a full disk.
            if hasTransaction { _ = try? collect(SQLStatement(text: "ROLLBACK"), nil) }
            throw error
        }
    }

    func rollback(to savepoint: String?) async {
        guard let savepoint else {
            isInTransaction = false
            if hasTransaction { _ = try? collect(SQLStatement(text: "ROLLBACK"), nil) }
            leaveTransaction()
            return
        }
        guard hasTransaction else { return }
        for text in ["ROLLBACK TO \(savepoint)", "RELEASE \(savepoint)"] {
            _ = try? collect(SQLStatement(text: text), nil)
        }
    }

    private func leaveTransaction() {
        isInTransaction = false
        guard ignoresForeignKeys, (try? collect(SQLStatement(text: "PRAGMA foreign_keys = ON"), nil)) != nil else {
            return
        }
        ignoresForeignKeys = false
    }

    // MARK: Life

    var isReusable: Bool {
        get async {
            // What a session has begun by itself ends with it.
            await rollback(to: nil)
            return cursor == nil && !hasTransaction && !ignoresForeignKeys
        }
    }

    var isAlive: Bool { get async { true } }

    nonisolated func close() async {
        await shut()
        await thread.end()
    }

    private func shut() {
        cursor = nil
        handle.close()
    }
}
