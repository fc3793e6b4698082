import CPostgreSQL
import Martlet
import MartletSQL
import MartletTransport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A connection of libpq's, and the waiting for its socket. It belongs to the loop's thread.
///
/// Where libpq would block it is left, until the socket is ready. A task that waits here is woken by the socket or by
/// ``giveUp()``, never by being cancelled: whoever is cancelled first tells the server.
final class PostgreSQLSocket {
    let pointer: OpaquePointer
    private let loop: EventLoop
    private var watch: Watch?
    private var waiting: CheckedContinuation<Interest, Never>?
    /// What it was woken by before it waited. A task that prefers the loop's thread may let others go first on its way there.
    private var missed: Interest?
    /// Nobody waits for it any more, and it can't be used.
    private(set) var isGivenUp = false

    /// Begins to connect.
    init?(_ parameters: [String: String], on loop: EventLoop) {
        let pairs = Array(parameters)
        var keys = pairs.map { strdup($0.key) }
        var values = pairs.map { strdup($0.value) }
        defer { for text in keys + values { free(text) } }
        keys.append(nil)
        values.append(nil)
        let connection = keys.map { UnsafePointer($0) }.withUnsafeBufferPointer { keys in
            values.map { UnsafePointer($0) }.withUnsafeBufferPointer { values in
                PQconnectStartParams(keys.baseAddress, values.baseAddress, 0)
            }
        }
        guard let connection else { return nil }
        pointer = connection
        self.loop = loop
        // It would write them to this program's standard error.
        PQsetNoticeReceiver(connection, { _, _ in }, nil)
    }

    /// Goes on connecting until that is done.
    func connect() async throws(SQLError) {
        var state = PQstatus(pointer) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING
        while true {
            switch state {
            case PGRES_POLLING_OK:
                // From here on the socket stays the same.
                PQsetnonblocking(pointer, 1)
                watch = watchSocket([])
                return
            case PGRES_POLLING_READING, PGRES_POLLING_WRITING:
                // It may be another socket each time: of another address, or without TLS.
                missed = nil
                watch = watchSocket(state == PGRES_POLLING_READING ? .read : .write)
                _ = await wakeUp()
                watch?.cancel()
                watch = nil
                if isGivenUp { throw SQLError(.notConnected, "the server did not answer in time") }
                state = PQconnectPoll(pointer)
            default:
                throw PostgreSQLFailure.error(of: pointer, .notConnected)
            }
        }
    }

    private func watchSocket(_ interest: Interest) -> Watch {
        loop.watch(descriptor, for: interest) { [weak self] in self?.wake($0) }
    }

    private func wakeUp() async -> Interest {
        await withCheckedContinuation { continuation in
            if let ready = isGivenUp ? Interest() : missed.take() {
                continuation.resume(returning: ready)
            } else {
                waiting = continuation
            }
        }
    }

    private func wake(_ ready: Interest) {
        watch?.interest = []
        if let waiting = waiting.take() { waiting.resume(returning: ready) } else { missed = ready }
    }

    /// Waits until the socket is ready.
    ///
    /// - Throws: if it is given up.
    private func wait(for interest: Interest) async throws(SQLError) -> Interest {
        missed = nil
        watch?.interest = interest
        let ready = await wakeUp()
        if isGivenUp { throw lost("the server did not answer") }
        return ready
    }

    private func lost(_ reason: String? = nil) -> SQLError {
        isGivenUp = true
        return reason.map { SQLError(.connectionLost, $0) } ?? PostgreSQLFailure.error(of: pointer, .connectionLost)
    }

    /// Ends all waiting. The connection is of no use any more.
    func giveUp() {
        isGivenUp = true
        interrupt()
    }

    /// Ends a wait for notifications without one.
    func interrupt() { wake([]) }

    // MARK: Statements

    /// Writes what libpq has to send. The server may not read before it has been read from, so it is, too.
    func flush() async throws(SQLError) {
        while true {
            switch PQflush(pointer) {
            case 0: return
            case 1:
                let ready = try await wait(for: [.read, .write])
                if ready.contains(.read), PQconsumeInput(pointer) == 0 { throw lost() }
            default: throw lost()
            }
        }
    }

    /// The next result of the statement that runs; `nil` when it has ended.
    func nextResult() async throws(SQLError) -> PostgreSQLResult? {
        while PQisBusy(pointer) == 1 {
            _ = try await wait(for: .read)
            if PQconsumeInput(pointer) == 0 { throw lost() }
        }
        guard let result = PQgetResult(pointer) else {
            if PQstatus(pointer) == CONNECTION_BAD { throw lost() }
            return nil
        }
        return PostgreSQLResult(result)
    }

    /// Whether a next result is there without waiting.
    var hasResult: Bool { PQisBusy(pointer) == 0 }

    // MARK: Without a statement

    /// Waits until the server has told of a notification, or until ``interrupt()``.
    func waitForNotification() async throws(SQLError) {
        while !takeNotifications() {
            guard try await wait(for: .read).contains(.read) else { return }
            if PQconsumeInput(pointer) == 0 { throw lost() }
        }
    }

    /// Forgets the notifications that have come.
    ///
    /// - Returns: whether there were any.
    @discardableResult
    private func takeNotifications() -> Bool {
        var hasSome = false
        while let notification = PQnotifies(pointer) {
            PQfreemem(notification)
            hasSome = true
        }
        return hasSome
    }

    /// Whether the server has not left, as far as is known without asking. An idle link has nothing to read but the server's
    /// farewell and its end.
    var isAlive: Bool {
        for _ in 0..<4 {
            guard !isGivenUp, PQstatus(pointer) == CONNECTION_OK else { return false }
            if Self.isQuiet(descriptor) { return true }
            if PQconsumeInput(pointer) == 0 { return false }
            // Has it read. Where a user of the session has said LISTEN, nobody would take what it has heard.
            takeNotifications()
        }
        return false
    }

    var descriptor: CInt { PQsocket(pointer) }

    /// Whether there is nothing to read, not even an end.
    static func isQuiet(_ descriptor: CInt) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 0
    }

    func close() {
        watch?.cancel()
        watch = nil
        isGivenUp = true
        waiting.take()?.resume(returning: [])
        PQfinish(pointer)
    }
}

/// A result of libpq's, which is freed with it.
final class PostgreSQLResult {
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit { PQclear(pointer) }

    var status: ExecStatusType { PQresultStatus(pointer) }

    /// `COMMIT`, `UPDATE 3`.
    var tag: String { String(cString: PQcmdStatus(pointer)) }

    /// How many rows were inserted, changed or deleted.
    var changes: Int { tag.hasPrefix("SELECT") ? 0 : Int(String(cString: PQcmdTuples(pointer))) ?? 0 }
}
