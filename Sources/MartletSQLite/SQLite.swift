import Martlet
public import MartletSQL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A database in a file of this machine, by SQLite.
///
/// There is one writer, and transactions wait for each other in the order in which they came; those who read do so beside it,
/// and see what was committed before they began (WAL). What is committed is on the disk (`synchronous=FULL`). Foreign keys
/// are checked.
///
/// A statement of a session that is no transaction reads beside the writer, or writes as a transaction of its own. So `BEGIN` is
/// an error there, and a temporary table is there in the transaction that makes it.
///
/// In a transaction `last_insert_rowid()` and `changes()` tell what it wrote. Outside of one they are errors in a statement that
/// reads, and in one that writes, such as `INSERT INTO child VALUES (last_insert_rowid())`, they tell what the writer wrote last:
/// it may be another task's row. `RETURNING` tells what a statement wrote.
///
/// One process has the file for writing at a time: beside it lies a file with `-lock` behind its name, which is locked
/// meanwhile. Others, such as the command `sqlite3`, may read it.
public final class SQLite: Database {
    /// How a database is opened.
    public struct Options: Sendable, Hashable {
        /// How many sessions read beside the writer at most. By default 4.
        public var readers: Int
        /// How long a task waits for a session, and a statement for a lock that another process has. By default 5 seconds.
        public var timeout: Duration

        /// - Parameters:
        ///   - readers: how many sessions read beside the writer.
        ///   - timeout: how long a task waits for a session.
        public init(readers: Int = 4, timeout: Duration = .seconds(5)) {
            self.readers = readers
            self.timeout = timeout
        }
    }

    /// The path of the file.
    public let path: String
    private let lock: FileLock?
    private let writers: LinkPool<SQLiteLink>
    /// `nil` for a database in memory, which has one session.
    private let readers: LinkPool<SQLiteLink>?

    /// A database in a file, which is made if it is not there. It is opened when it is first used.
    ///
    /// - Parameters:
    ///   - path: the file, in a folder that is there; `:memory:` is a database of one session that is gone when it is closed.
    ///   - options: how it is opened.
    /// - Throws: `SQLError.Code.invalidArgument`; `SQLError.Code.notConnected` if another process has the file for
    ///   writing, or there is no such folder.
    public init(_ path: String, options: Options = Options()) throws {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw SQLError(.invalidArgument, "\(quoted(path)) is no path of a database")
        }
        guard options.readers >= 1, options.timeout > .zero else {
            throw SQLError(.invalidArgument, "a database needs 1 reader or more, and a timeout that is positive")
        }
        self.path = path
        let isInMemory = path == ":memory:"
        let lock = isInMemory ? nil : try Self.lock(path)
        self.lock = lock
        func pool(_ role: SQLiteLink.Role, maximum: Int) -> LinkPool<SQLiteLink> {
            LinkPool(name: "the database \(path)", maximum: maximum, patience: options.timeout) {
                try await SQLiteLink(path, role, patience: options.timeout)
            }
        }
        writers = pool(.writer, maximum: 1)
        readers = isInMemory ? nil : pool(.reader, maximum: options.readers)
    }

    /// Keeps other processes from writing to a database.
    ///
    /// The lock is on a file of its own: to close the database's own file once more would take away SQLite's locks on it.
    private static func lock(_ database: String) throws(SQLError) -> FileLock {
        func unopened(_ reason: String) -> SQLError {
            SQLError(.notConnected, "the database \(quoted(database)) can't be opened: \(reason)")
        }
        let path = database + "-lock"
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw unopened("\(path): \(StoreFailure(of: "open"))") }
        do {
            return try FileLock(file)
        } catch {
            throw unopened(error.code == EWOULDBLOCK ? "somebody else has it for writing" : "\(error)")
        }
    }

    /// A database as settings name it. `db_max_conn` counts the writer.
    ///
    /// - Throws: as ``init(_:options:)``, also if the settings are of another kind of database.
    public convenience init(_ settings: DatabaseSettings) throws {
        try settings.check(["sqlite"])
        var options = Options()
        if let maximum = settings.maximumConnections { options.readers = maximum - 1 }
        if let timeout = settings.timeout { options.timeout = timeout }
        try self.init(settings.name, options: options)
    }

    /// SQLite.
    public var dialect: SQLDialect { .sqlite }

    /// Lends a session to a body; see `Database.withSession(_:)`.
    public func withSession<Result: Sendable>(
        _ body: @Sendable (any SQLSession) async throws -> Result
    ) async throws -> Result {
        try await (readers ?? writers).withLink { link in
            try await withEndedSession(LinkSession(link)) { session in
                try await body(readers == nil ? session : SQLiteSession(session, writers: writers))
            }
        }
    }

    /// Runs a body in a transaction; see `Database.transaction(_:_:)`.
    public func transaction<Result: Sendable>(
        _ options: TransactionOptions,
        _ body: @Sendable (SQLTransaction) async throws -> Result
    ) async throws -> Result {
        try await rerunning(options) {
            try await (options.isReadOnly ? readers ?? writers : writers).withLink { link in
                try await link.transaction(options, body)
            }
        }
    }

    /// Closes the database and gives the file free; see `Database.close()`.
    public func close() async {
        await readers?.close()
        await writers.close()
        lock?.release()
    }
}
