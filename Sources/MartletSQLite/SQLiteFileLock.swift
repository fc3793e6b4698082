import Martlet
import MartletSQL
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Keeps other processes from writing to a database for as long as it lives.
///
/// The lock is on a file of its own: to close the database's own file once more would take away SQLite's locks on it.
final class SQLiteFileLock: Sendable {
    private let descriptor: CInt
    private let isReleased = Atomic(false)

    init(_ database: String) throws(SQLError) {
        let path = database + "-lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw SQLError(.notConnected, "the database \(quoted(database)) can't be opened: \(path): \(reason())")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let why = errno == EWOULDBLOCK ? "somebody else has it for writing" : reason()
            close(descriptor)
            throw SQLError(.notConnected, "the database \(quoted(database)) can't be opened: \(why)")
        }
    }

    deinit { release() }

    /// Lets others have it.
    func release() {
        if !isReleased.exchange(true, ordering: .relaxed) { close(descriptor) }
    }
}

private func reason() -> String { String(cString: strerror(errno)) }
