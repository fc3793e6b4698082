import Martlet
public import MartletSQL
import MartletTransport
import Synchronization

/// A database of a PostgreSQL server, by libpq.
///
/// Sessions are opened as they are needed, up to a number, and kept. What PostgreSQL's users expect holds: `.pgpass`, service
/// files, the variables `PGHOST`, `PGPASSWORD` and so on, SCRAM, several hosts.
///
/// Beyond this machine the server has to show a certificate of its name that an authority of the system has signed
/// (`sslmode=verify-full`), unless the URL, a service or `PGSSLMODE` says otherwise.
///
/// Dates are read and written in UTC. What a session was told by `SET` or `LISTEN` it still knows when it is lent again.
public final class PostgreSQL: Database {
    /// How a database is used.
    public struct Options: Sendable, Hashable {
        /// How many sessions there are at most. By default 10. An `Outbox` has one more, and so has the question what has
        /// become of a transaction.
        public var sessions: Int
        /// How many sessions are opened, at once, when one is needed and there are fewer: so that the tasks that come next find
        /// them open. By default none but the one that is needed.
        public var minimumSessions: Int
        /// How long a task waits for a session, and for what has become of a transaction whose link was lost while it was
        /// committed. By default 5 seconds.
        public var timeout: Duration
        /// How long it may take to open a session. By default 10 seconds.
        public var connectTimeout: Duration
        /// How long a session may be idle and still be used; `nil`, as by default: for as long as the server keeps it.
        public var staleTimeout: Duration?
        /// How many statements that are repeated a session has the server keep prepared, which saves it most of the work of a
        /// short one; 0: none. By default 100. There are none where a pooler such as PgBouncer stands before the server.
        public var preparedStatements: Int

        /// - Parameters:
        ///   - sessions: how many sessions there are at most.
        ///   - minimumSessions: how many are opened at once when there are fewer.
        ///   - timeout: how long a task waits for a session.
        ///   - connectTimeout: how long it may take to open a session.
        ///   - staleTimeout: how long a session may be idle and still be used.
        ///   - preparedStatements: how many statements a session has the server keep prepared.
        public init(
            sessions: Int = 10,
            minimumSessions: Int = 0,
            timeout: Duration = .seconds(5),
            connectTimeout: Duration = .seconds(10),
            staleTimeout: Duration? = nil,
            preparedStatements: Int = 100
        ) {
            self.sessions = sessions
            self.minimumSessions = minimumSessions
            self.timeout = timeout
            self.connectTimeout = connectTimeout
            self.staleTimeout = staleTimeout
            self.preparedStatements = preparedStatements
        }

        func check() throws(SQLError) {
            guard sessions >= 1, timeout > .zero, connectTimeout > .zero, staleTimeout ?? .seconds(1) > .zero else {
                throw SQLError(.invalidArgument, "a database needs 1 session or more, and times that are positive")
            }
            guard preparedStatements >= 0 else {
                throw SQLError(.invalidArgument, "a session keeps 0 statements prepared or more")
            }
            guard (0...sessions).contains(minimumSessions) else {
                throw SQLError(
                    .invalidArgument,
                    "a database has from 0 to \(sessions) sessions at the least; \(minimumSessions) were asked for"
                )
            }
        }
    }

    let pool: LinkPool<PostgreSQLLink>
    /// Links beside those of the pool, which do nothing but listen; none is used twice.
    let listeners: LinkPool<PostgreSQLLink>
    let listening = Mutex<[ObjectIdentifier: PostgreSQLLink]>([:])
    private let options: Options
    private let target: PostgreSQLTarget
    private let thread: OwnedLoop
    private let stopper: EventLoop

    /// A database of a server. It is reached when it is first used.
    ///
    /// - Parameters:
    ///   - url: `postgres://user:password@host:port/database?sslmode=…`, or libpq's other form, `host=… dbname=…`. What it
    ///     leaves out comes from the environment and the service file.
    ///   - options: how it is used.
    /// - Throws: `SQLError.Code.invalidArgument`.
    public convenience init(_ url: String, options: Options = Options()) throws {
        try self.init(PostgreSQLTarget(url), options)
    }

    /// A database as settings name it.
    ///
    /// - Throws: `SQLError.Code.invalidArgument`, which names the key that is wrong or missing.
    public convenience init(_ settings: DatabaseSettings) throws {
        try settings.check(["postgres", "postgresql"])
        var options = Options()
        if let maximum = settings.maximumConnections { options.sessions = maximum }
        if let minimum = settings.minimumConnections { options.minimumSessions = minimum }
        if let timeout = settings.timeout { options.timeout = timeout }
        options.staleTimeout = settings.staleTimeout
        try self.init(PostgreSQLTarget(settings), options)
    }

    private init(_ target: PostgreSQLTarget, _ options: Options) throws {
        try options.check()
        self.options = options
        self.target = target
        let thread = try OwnedLoop("martlet-postgres")
        self.thread = thread
        let stopper = EventLoop(name: "martlet-pgcancel")
        self.stopper = stopper
        let name = "the database \(target.name)"
        let make: @Sendable () async throws -> PostgreSQLLink = {
            try await PostgreSQLLink(
                target,
                on: thread,
                stopper: stopper,
                timeout: options.connectTimeout,
                prepared: options.preparedStatements
            )
        }
        pool = LinkPool(
            name: name,
            maximum: options.sessions,
            minimum: options.minimumSessions,
            patience: options.timeout,
            staleAfter: options.staleTimeout,
            make: make
        )
        listeners = LinkPool(name: name, maximum: .max, patience: options.timeout, make: make)
    }

    /// PostgreSQL.
    public var dialect: SQLDialect { .postgreSQL }

    /// How many sessions there are, and how many of them are lent at the moment.
    public var sessions: (open: Int, lent: Int) {
        let figures = pool.figures
        return (figures.links, figures.lent)
    }

    /// The thread that serves the sessions. A task that prefers it does not change threads for its statements, which takes a
    /// good part of the time of a short one; but while it does anything else, no session goes on.
    ///
    /// ```swift
    /// try await withTaskExecutorPreference(database.taskExecutor) { try await importRows(database) }
    /// ```
    public var taskExecutor: any TaskExecutor { thread.loop }

    /// Lends a session to a body; see `Database.withSession(_:)`.
    public func withSession<Result: Sendable>(
        _ body: @Sendable (any SQLSession) async throws -> Result
    ) async throws -> Result {
        try await pool.withLink { link in
            try await withEndedSession(LinkSession(link, settle: settle)) { session in try await body(session) }
        }
    }

    /// Runs a body in a transaction; see `Database.transaction(_:_:)`.
    ///
    /// Where the link is lost while the transaction is committed, the server is asked what has become of it.
    ///
    /// - Throws: `SQLError.Code.commitUnknown` if it could not be asked in time, or began anew meanwhile, after a crash of one of
    ///   its processes, too: it may have given the transaction's number to another.
    public func transaction<Result: Sendable>(
        _ options: TransactionOptions,
        _ body: @Sendable (SQLTransaction) async throws -> Result
    ) async throws -> Result {
        try await rerunning(options) {
            try await pool.withLink { link in
                try await link.transaction(options, settle: options.asksAfterLostCommit ? settle : Self.leaveOpen, body)
            }
        }
    }

    /// Closes the database; see `Database.close()`.
    public func close() async {
        await closeListeners()
        await pool.close()
        await thread.end()
    }

    /// Finds out what has become of a transaction whose link was lost while it was committed, by a link of its own: the pool
    /// may have no other. The answer matters even where the task has been cancelled meanwhile.
    private func settle(_ lost: LostCommit) async throws {
        try await shielded { try await self.outcome(of: lost) }
    }

    private func outcome(of lost: LostCommit) async throws {
        let deadline = ContinuousClock.now + options.timeout.capped
        while ContinuousClock.now < deadline {
            switch try? await status(of: lost.transaction) {
            case "committed": return
            case "aborted": throw lost.error
            case "restarted": throw Self.unknown("was started anew meanwhile")
            // The server has not noticed yet that the link was lost, or is not there.
            default: try await Task.sleep(for: .milliseconds(50))
            }
        }
        throw Self.unknown("did not say within \(options.timeout) whether it was")
    }

    private static func leaveOpen(_ lost: LostCommit) throws { throw unknown("was not asked whether it was") }

    private static func unknown(_ reason: String) -> SQLError {
        SQLError(.commitUnknown, "the link was lost while the transaction was committed, and the server \(reason)")
    }

    private func status(of transaction: String) async throws -> String? {
        let link = try await PostgreSQLLink(target, on: thread, stopper: stopper, timeout: options.connectTimeout)
        let parts = transaction.split(separator: " ").map { SQLValue.text(String($0)) }
        let question = SQLStatement(
            text: """
                SELECT CASE WHEN \(PostgreSQLLink.serverStart) = $2::text THEN pg_xact_status($1::text::xid8)
                ELSE 'restarted' END
                """,
            values: parts
        )
        let answer: Result<SQLResult, any Error>
        do { answer = .success(try await link.run(question)) } catch { answer = .failure(error) }
        await link.close()
        return try answer.get().rows.first?.decode(String?.self)
    }
}
