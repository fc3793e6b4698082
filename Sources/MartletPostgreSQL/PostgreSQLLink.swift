import CPostgreSQL
import Martlet
import MartletSQL
import MartletTransport
import Synchronization

/// A session with a server, on the thread of an event loop.
actor PostgreSQLLink: SQLLink {
    /// How many rows of a stream are handed on at a time.
    static var batchSize: Int { 128 }
    /// How long the server may take to stop a statement before the link is dropped instead.
    static var stopPatience: Duration { .seconds(5) }

    /// A statement that may be stopped.
    struct Job {
        let number: Int
        /// When the server was first asked to stop it.
        var stoppedAt: ContinuousClock.Instant?

        var isStopped: Bool { stoppedAt != nil }
    }

    struct Answer {
        var result = SQLResult()
        /// Of the last statement, such as `COMMIT`.
        var tag = ""
    }

    struct Stream {
        let rows: PostgreSQLRows
        /// What came with the first result.
        var first: [[SQLValue]]
        var isAtEnd: Bool
        let mayWrite: Bool
    }

    let thread: OwnedLoop
    /// Its thread is there while the server is asked to stop something. It is not another server's, which may not answer.
    let stopper: EventLoop
    // Proof: made, used and closed by code that is isolated to this actor, on the loop's thread; `deinit` has it to itself.
    nonisolated(unsafe) var socket: PostgreSQLSocket?
    var job: Job?
    var lastJob = 0
    /// Asks the server to stop what runs. Nothing else is begun before it is done, or it would be stopped instead.
    var stopping: Promise<Void>?
    var stream: Stream?
    var statements: PreparedStatements
    /// Whether a pooler stands between, which may lend each transaction another session of the server's.
    var isPooled = false
    /// Since when the server runs; asked for when it first matters. A server that starts anew ends its links.
    var serverStart: String?
    /// Whether another link is to take its place.
    var isUnwanted = false
    var isReadOnly = false
    /// Whether it matters what has become of the transaction if its link is lost while it is committed.
    var isAskedFor = true
    /// Whether a transaction was begun and not yet ended by this link.
    var isInTransaction = false
    /// Whether it is open, nothing is under way and no transaction is open: known on any thread, for the way to the loop's and
    /// back takes as long as a query. Where it is false, the loop's thread is asked.
    private let isIdle = Atomic(false)
    private let descriptor = Atomic<CInt>(-1)

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.loop.asUnownedSerialExecutor() }

    /// Opens a session.
    ///
    /// - Parameters:
    ///   - stopper: where the server is asked to stop something, which blocks.
    ///   - prepared: how many statements the server keeps prepared for it at most.
    init(
        _ target: PostgreSQLTarget,
        on thread: OwnedLoop,
        stopper: EventLoop,
        timeout: Duration,
        prepared: Int = 0
    ) async throws {
        self.thread = thread
        self.stopper = stopper
        statements = PreparedStatements(capacity: prepared)
        let deadline = ContinuousClock.now + timeout.capped
        do {
            try await open(target.parameters(deadline: deadline), deadline)
        } catch let error as MessagingError {
            await close()
            throw SQLError(.notConnected, error.message)
        } catch {
            await close()
            throw error
        }
    }

    func open(_ parameters: [String: String], _ deadline: ContinuousClock.Instant) async throws {
        try Task.checkCancellation()
        guard let socket = PostgreSQLSocket(parameters, on: thread.loop) else {
            throw SQLError(.notConnected, "there is no memory for a session")
        }
        self.socket = socket
        let timer = thread.loop.schedule(at: deadline) { socket.giveUp() }
        defer { timer.cancel() }
        try await withTaskCancellationHandler {
            do {
                try await socket.connect()
                descriptor.store(socket.descriptor, ordering: .relaxed)
                try await configure(socket)
            } catch {
                try Task.checkCancellation()
                throw error
            }
        } onCancel: {
            thread.loop.execute { self.assumeIsolated { $0.socket?.giveUp() } }
        }
        // The loop may do later what was asked of it while the last answer came: such a link is not to be lent.
        try Task.checkCancellation()
    }

    private func configure(_ socket: PostgreSQLSocket) async throws {
        // So that values are read as they were written, whatever the server's or the user's settings are.
        let settings = """
            SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET bytea_output = 'hex'; SET extra_float_digits = 3
            """
        let process = try await perform("\(settings); SELECT pg_backend_pid()").result.rows.first?.decode(Int32.self)
        // A pooler tells its clients numbers of its own.
        isPooled = process != PQbackendPID(socket.pointer)
        if isPooled { statements.giveUp() }
    }

    // MARK: Life

    nonisolated var isReusable: Bool {
        get async { isIdle.load(ordering: .acquiring) ? true : await isAtRest() }
    }

    private func isAtRest() async -> Bool {
        await untilStopped()
        noteState()
        return isIdle.load(ordering: .relaxed)
    }

    /// Something is about to be done with it.
    func noteUse() { isIdle.store(false, ordering: .relaxed) }

    /// Something was done with it.
    func noteState() { isIdle.store(isOpenAndIdle, ordering: .releasing) }

    private var isOpenAndIdle: Bool {
        guard let socket, !socket.isGivenUp, !isUnwanted, job == nil, stream == nil, stopping == nil else {
            return false
        }
        return PQstatus(socket.pointer) == CONNECTION_OK && PQtransactionStatus(socket.pointer) == PQTRANS_IDLE
    }

    nonisolated var isAlive: Bool {
        get async {
            // Whoever asks has it for himself, so that the descriptor stays what it is.
            if isIdle.load(ordering: .acquiring),
                PostgreSQLSocket.isQuiet(descriptor.load(ordering: .relaxed))
            {
                return true
            }
            return await hasNotLeft()
        }
    }

    private func hasNotLeft() -> Bool { socket?.isAlive ?? false }

    func close() async {
        noteUse()
        socket?.close()
        socket = nil
    }

    deinit {
        guard let socket else { return }
        // Proof: nothing else refers to it any more, and from here on the loop's thread alone does.
        nonisolated(unsafe) let forgotten = socket
        thread.loop.execute { forgotten.close() }
    }
}
