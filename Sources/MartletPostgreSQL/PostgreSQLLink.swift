import CPostgreSQL
import Martlet
import MartletSQL
import MartletTransport

/// A session with a server, on the thread of an event loop.
actor PostgreSQLLink: SQLLink {
    /// How many rows of a stream are handed on at a time.
    private static var batchSize: Int { 128 }
    /// How long the server may take to stop a statement before the link is dropped instead.
    private static var stopPatience: Duration { .seconds(5) }

    /// A statement that may be stopped.
    private struct Job {
        let number: Int
        var isStopped = false
    }

    private struct Answer {
        var result = SQLResult()
        /// Of the last statement, such as `COMMIT`.
        var tag = ""
    }

    private struct Stream {
        let rows: PostgreSQLRows
        /// What came with the first result.
        var first: [[SQLValue]]
        var isAtEnd: Bool
    }

    private let thread: OwnedLoop
    // Proof: made, used and closed by code that is isolated to this actor, on the loop's thread; `deinit` has it to itself.
    private nonisolated(unsafe) var socket: PostgreSQLSocket?
    private var job: Job?
    private var lastJob = 0
    /// Asks the server to stop what runs. Nothing else is begun before it is done, or it would be stopped instead.
    private var stopping: Promise<Void>?
    private var stream: Stream?
    private var isReadOnly = false
    /// Whether a transaction was begun and not yet ended by this link.
    private var isInTransaction = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.loop.asUnownedSerialExecutor() }

    /// Opens a session.
    init(_ target: PostgreSQLTarget, on thread: OwnedLoop, timeout: Duration) async throws {
        self.thread = thread
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

    private func open(_ parameters: [String: String], _ deadline: ContinuousClock.Instant) async throws {
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
                // So that values are read as they were written, whatever the server's or the user's settings are.
                try await perform("SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET bytea_output = 'hex'")
            } catch {
                try Task.checkCancellation()
                throw error
            }
        } onCancel: {
            thread.loop.execute { self.assumeIsolated { $0.socket?.giveUp() } }
        }
    }

    // MARK: Statements

    func run(_ statement: SQLStatement) async throws -> SQLResult {
        try await send(statement)
        return try await stoppable { socket in try await collect(socket).result }
    }

    /// Runs statements without values, which are not stopped.
    @discardableResult
    private func perform(_ text: String) async throws -> Answer {
        let socket = try await free()
        guard PQsendQuery(socket.pointer, text) == 1 else { throw broken(socket) }
        return try await collect(socket)
    }

    @discardableResult
    private func send(_ statement: SQLStatement) async throws -> PostgreSQLSocket {
        let parameters = try PostgreSQLParameters(statement.values)
        guard !statement.text.utf8.contains(0) else { throw SQLError(.invalidStatement, "the statement holds a zero") }
        try Task.checkCancellation()
        let socket = try await free()
        try checkTransaction(socket)
        guard parameters.send(statement.text, on: socket.pointer) else { throw broken(socket) }
        return socket
    }

    /// What comes after a statement that has ended the transaction must not be done as if it were a part of it.
    private func checkTransaction(_ socket: PostgreSQLSocket) throws {
        guard isInTransaction, PQtransactionStatus(socket.pointer) == PQTRANS_IDLE else { return }
        throw SQLError(.transactionAborted, "the transaction was ended by a statement before")
    }

    /// Takes all of an answer.
    private func collect(_ socket: PostgreSQLSocket) async throws -> Answer {
        try await socket.flush()
        var answer = Answer()
        var failure: SQLError?
        while let result = try await socket.nextResult() {
            switch result.status {
            case PGRES_TUPLES_OK:
                let rows = PostgreSQLRows(result.pointer)
                answer.result.rows = rows.values(result.pointer).map { SQLRow(rows.columns, $0) }
            case PGRES_COMMAND_OK: break
            default: failure = try failure ?? self.failure(of: result, socket)
            }
            answer.result.changes = result.changes
            answer.tag = result.tag
        }
        if let failure { throw failure }
        return answer
    }

    /// The socket, once nothing else is under way on it.
    private func free() async throws -> PostgreSQLSocket {
        await untilStopped()
        guard let socket else { throw SQLError(.closed, "the session was closed") }
        guard !socket.isGivenUp else { throw SQLError(.connectionLost, "the link to the server was lost") }
        guard stream == nil, job == nil else { throw SQLError(.misuse, "a statement of the session is running") }
        return socket
    }

    private func broken(_ socket: PostgreSQLSocket) -> SQLError {
        let error = PostgreSQLFailure.error(of: socket.pointer, .connectionLost)
        socket.giveUp()
        return error
    }

    /// - Throws: if the link is of no use any more.
    private func failure(of result: PostgreSQLResult, _ socket: PostgreSQLSocket) throws -> SQLError {
        switch result.status {
        case PGRES_FATAL_ERROR: return PostgreSQLFailure.error(of: result.pointer)
        case PGRES_EMPTY_QUERY: return SQLError(.invalidStatement, "the statement is empty")
        default:
            // COPY, which waits for data that never come.
            socket.giveUp()
            throw SQLError(.invalidStatement, "COPY is no statement for a session: its data would have nowhere to go")
        }
    }

    // MARK: Stopping

    /// Does something with a statement that runs. When the task is cancelled the server is asked to stop the statement.
    private func stoppable<Result: Sendable>(
        _ body: (PostgreSQLSocket) async throws -> Result
    ) async throws -> Result {
        guard let socket else { throw SQLError(.closed, "the session was closed") }
        let number = beginJob()
        defer { job = nil }
        return try await withTaskCancellationHandler {
            do {
                return try await body(socket)
            } catch is SQLError where job?.isStopped == true {
                throw CancellationError()
            }
        } onCancel: {
            thread.loop.execute { self.assumeIsolated { $0.stop(number) } }
        }
    }

    private func beginJob() -> Int {
        lastJob += 1
        job = Job(number: lastJob)
        return lastJob
    }

    private func stop(_ number: Int) {
        guard let job, job.number == number, !job.isStopped, stopping == nil, let socket,
            let cancel = PQgetCancel(socket.pointer)
        else { return }
        self.job?.isStopped = true
        let told = Promise<Void>()
        stopping = told
        // Neither the asking nor the stopping is waited for for ever.
        let timer = thread.loop.schedule(after: Self.stopPatience) {
            socket.giveUp()
            told.end(.success(()))
        }
        let address = UInt(bitPattern: cancel)
        // It blocks, for it makes a connection of its own to ask.
        Self.stopper.execute { [loop = thread.loop] in
            let cancel = OpaquePointer(bitPattern: address)
            var reason = [CChar](repeating: 0, count: 256)
            PQcancel(cancel, &reason, CInt(reason.count))
            PQfreeCancel(cancel)
            loop.execute {
                self.assumeIsolated { link in
                    timer.cancel()
                    link.stopping = nil
                    link.isStopped(number)
                }
                told.end(.success(()))
            }
        }
    }

    /// The server has been told to stop, and may still take its time.
    private func isStopped(_ number: Int) {
        guard job?.number == number else { return }
        thread.loop.schedule(after: Self.stopPatience) { [weak self] in
            self?.assumeIsolated { link in
                if link.job?.number == number { link.socket?.giveUp() }
            }
        }
    }

    /// Waits until the server has been told to stop what it was to stop: it would stop what comes next otherwise.
    private func untilStopped() async {
        if let stopping { await withCheckedContinuation { done in stopping.observe { _ in done.resume() } } }
    }

    /// A thread that is there while servers are asked to stop something.
    private static let stopper = EventLoop(name: "martlet-pgcancel")

    // MARK: Streams

    func openStream(_ statement: SQLStatement) async throws -> SQLColumns {
        let socket = try await send(statement)
        guard PQsetSingleRowMode(socket.pointer) == 1 else { throw broken(socket) }
        return try await stoppable { socket in
            try await socket.flush()
            guard let result = try await socket.nextResult() else {
                throw SQLError(.failed, "the server gave no answer")
            }
            let rows = PostgreSQLRows(result.pointer)
            switch result.status {
            case PGRES_SINGLE_TUPLE:
                stream = Stream(rows: rows, first: rows.values(result.pointer), isAtEnd: false)
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
                stream = Stream(rows: rows, first: [], isAtEnd: true)
                try await drain(socket)
            default:
                let failure = try failure(of: result, socket)
                try await drain(socket)
                throw failure
            }
            return rows.columns
        }
    }

    func nextRows() async throws -> [[SQLValue]] {
        guard let stream else { return [] }
        // Rows that are there already would go on for ever without a wait in which the task could be stopped.
        try Task.checkCancellation()
        if stream.isAtEnd {
            self.stream = nil
            return []
        }
        do {
            return try await stoppable { socket in
                var batch = stream.first
                self.stream?.first = []
                while batch.count < Self.batchSize, batch.isEmpty || socket.hasResult {
                    guard let result = try await socket.nextResult() else {
                        self.stream?.isAtEnd = true
                        break
                    }
                    switch result.status {
                    case PGRES_SINGLE_TUPLE: batch += stream.rows.values(result.pointer)
                    case PGRES_TUPLES_OK: break
                    default:
                        let failure = try failure(of: result, socket)
                        try await drain(socket)
                        throw failure
                    }
                }
                if batch.isEmpty { self.stream = nil }
                return batch
            }
        } catch {
            self.stream = nil
            throw error
        }
    }

    /// Takes what is left of an answer.
    private func drain(_ socket: PostgreSQLSocket) async throws {
        while try await socket.nextResult() != nil {}
    }

    func closeStream() async {
        guard let stream else { return }
        self.stream = nil
        guard !stream.isAtEnd, let socket, !socket.isGivenUp else { return }
        // The rest may be long.
        stop(beginJob())
        do { try await drain(socket) } catch { socket.giveUp() }
        job = nil
    }

    // MARK: Transactions

    func begin(_ options: TransactionOptions) async throws {
        try Task.checkCancellation()
        var text = "BEGIN"
        switch options.isolation {
        case .readCommitted: text += " ISOLATION LEVEL READ COMMITTED"
        case .repeatableRead: text += " ISOLATION LEVEL REPEATABLE READ"
        case .serializable: text += " ISOLATION LEVEL SERIALIZABLE"
        case nil: break
        }
        if options.isReadOnly { text += " READ ONLY" }
        isReadOnly = options.isReadOnly
        try await perform(text)
        isInTransaction = true
    }

    func commit() async throws {
        defer { isInTransaction = false }
        try await checkTransaction(free())
        // Afterwards it is too late to ask, if the link is lost.
        let transaction = isReadOnly ? nil : try await transactionID()
        let answer: Answer
        do {
            answer = try await perform("COMMIT")
        } catch let error as SQLError where error.code == .connectionLost {
            // A transaction that wrote nothing has nothing to lose.
            if let transaction { throw LostCommit(transaction: transaction, error: error) }
            return
        }
        // To the server it is no error to commit a transaction that has failed.
        guard answer.tag == "COMMIT" else {
            throw SQLError(.transactionAborted, "the transaction was undone by an error of one of its statements")
        }
    }

    /// How the server knows the transaction; `nil` if it wrote nothing, or has failed.
    private func transactionID() async throws -> String? {
        guard let socket, PQtransactionStatus(socket.pointer) == PQTRANS_INTRANS else { return nil }
        return try await perform("SELECT pg_current_xact_id_if_assigned()::text").result.rows.first?.decode(
            String?.self
        )
    }

    func rollback(to savepoint: String?) async {
        if savepoint == nil { isInTransaction = false }
        do {
            guard let socket else { return }
            if PQtransactionStatus(socket.pointer) == PQTRANS_IDLE { return }
            try await perform(savepoint.map { "ROLLBACK TO \($0); RELEASE \($0)" } ?? "ROLLBACK")
        } catch {
            // Its state is unknown. The server undoes what is left of it.
            socket?.giveUp()
        }
    }

    // MARK: Life

    var isReusable: Bool {
        get async {
            await untilStopped()
            guard let socket, !socket.isGivenUp, job == nil, stream == nil else { return false }
            return PQstatus(socket.pointer) == CONNECTION_OK && PQtransactionStatus(socket.pointer) == PQTRANS_IDLE
        }
    }

    var isAlive: Bool { get async { socket?.isAlive ?? false } }

    func close() async {
        socket?.close()
        socket = nil
    }

    deinit {
        guard let socket else { return }
        nonisolated(unsafe) let forgotten = socket
        thread.loop.execute { forgotten.close() }
    }
}
