import CSQLite
import Martlet
import MartletSQL
import Synchronization

/// One open connection of SQLite's.
///
/// It is used on the thread of its link. Only ``stop(_:)`` comes from elsewhere.
final class SQLiteHandle: Sendable {
    /// Something that the connection does and that may be stopped.
    final class Job: Sendable {
        let isStopped = Atomic(false)
    }

    private struct State {
        var job: Job?
        var isOpen = true
    }

    // Proof: used on the link's thread, or under the lock while it is open.
    nonisolated(unsafe) let pointer: OpaquePointer
    private let state = Mutex(State())
    private let patience: Duration
    // Proof: touched on the link's thread alone.
    private nonisolated(unsafe) var busySince = ContinuousClock.now

    /// Opens a file.
    init(_ path: String, patience: Duration) throws(SQLError) {
        var pointer: OpaquePointer?
        let code = sqlite3_open_v2(
            path,
            &pointer,
            SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
            nil
        )
        guard let pointer else { throw SQLError(.notConnected, "there is no memory for the database \(quoted(path))") }
        guard code == SQLITE_OK else {
            let error = SQLiteFailure.error(pointer, code)
            sqlite3_close_v2(pointer)
            throw SQLError(
                .notConnected,
                "the database \(quoted(path)) can't be opened: \(error.message)",
                state: error.state
            )
        }
        self.pointer = pointer
        self.patience = patience
        sqlite3_extended_result_codes(pointer, 1)
        // The handle outlives the connection: it is what closes it.
        let handle = Unmanaged.passUnretained(self).toOpaque()
        sqlite3_busy_handler(pointer, { SQLiteHandle.of($0).waitsForLock(attempt: $1) ? 1 : 0 }, handle)
        sqlite3_progress_handler(pointer, 1_000, { SQLiteHandle.of($0).isToStop ? 1 : 0 }, handle)
        martlet_sqlite3_strict_quotes(pointer)
    }

    deinit { close() }

    func close() {
        let wasOpen = state.withLock { state in
            defer { state.isOpen = false }
            return state.isOpen
        }
        if wasOpen { sqlite3_close_v2(pointer) }
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> SQLiteHandle {
        // It was given to SQLite above, and SQLite gives it back.
        Unmanaged.fromOpaque(context.unsafelyUnwrapped).takeUnretainedValue()
    }

    /// Has those functions fail that tell of what this connection has written: others write, and they would tell of nothing.
    func refuseToTellOfWrites() {
        for name in ["last_insert_rowid", "changes", "total_changes"] {
            sqlite3_create_function_v2(
                pointer,
                name,
                0,
                SQLITE_UTF8,
                nil,
                { context, _, _ in
                    let reason = "what was written is told in a transaction alone, or by RETURNING"
                    sqlite3_result_error(context, reason, -1)
                },
                nil,
                nil,
                nil
            )
        }
    }

    // MARK: Stopping

    /// Does something that ``stop(_:)`` ends.
    func perform<Result>(_ job: Job?, _ body: () throws -> Result) throws -> Result {
        try state.withLock { state in
            if job?.isStopped.load(ordering: .relaxed) == true { throw CancellationError() }
            guard state.isOpen else { throw SQLError(.closed, "the database was closed") }
            state.job = job
        }
        defer { state.withLock { $0.job = nil } }
        do {
            return try body()
        } catch let error as SQLError where job?.isStopped.load(ordering: .relaxed) == true {
            // Whatever else it says, it was stopped.
            _ = error
            throw CancellationError()
        }
    }

    /// Ends a job, whether it has begun or not; from any thread.
    func stop(_ job: Job) {
        state.withLock { state in
            job.isStopped.store(true, ordering: .relaxed)
            if state.isOpen, state.job === job { sqlite3_interrupt(pointer) }
        }
    }

    /// An interrupt that comes just before a statement's first step is forgotten by SQLite, so it asks now and then.
    private var isToStop: Bool {
        state.withLock { $0.job?.isStopped.load(ordering: .relaxed) ?? false }
    }

    /// Waits for a lock of another connection, a little longer each time.
    func waitsForLock(attempt: CInt) -> Bool {
        if attempt == 0 { busySince = .now }
        guard !isToStop, ContinuousClock.now - busySince < patience else { return false }
        sqlite3_sleep(min(1 + attempt, 10))
        return true
    }
}
