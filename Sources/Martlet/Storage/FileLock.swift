#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The lock on a file that one owner has at a time, in this process or another.
package final class FileLock: Sendable {
    private let file: Int32

    /// Locks a file and closes it when the lock is gone, or now if it can't be locked.
    ///
    /// One that is let go of just now may be held for a moment more, by a task that ends or by a child of a process that was
    /// killed. The kernel knows no limit for a wait, so this asks again for half a second.
    ///
    /// - Throws: with the code `EWOULDBLOCK` if somebody else has it.
    package init(_ file: Int32) throws(StoreFailure) {
        self.file = file
        for attempt in 0...50 {
            if flock(file, LOCK_EX | LOCK_NB) == 0 { return }
            let failure = StoreFailure(of: "flock")
            // What has all its properties is closed by `deinit` also when this fails, and may be closed once only.
            guard attempt < 50, [EWOULDBLOCK, EINTR].contains(failure.code) else { throw failure }
            usleep(10_000)
        }
    }

    deinit {
        release()
        close(file)
    }

    /// Lets others have it, for good.
    ///
    /// To close the file is not enough: a process that is being started has its parent's files until it runs its own program,
    /// and with them the lock.
    package func release() { _ = flock(file, LOCK_UN) }
}
