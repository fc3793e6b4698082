#if os(Linux)
import Glibc
import Martlet
import Synchronization

/// A process's way to the disk, which it loses when it dies: in the middle of a write, if so wanted.
final class WorldDisk: Sendable {
    private struct State {
        var isDead = false
        /// How many writes are left before the one that kills, and what that does.
        var deadly: (left: Int, kill: @Sendable () -> Void)?
    }

    private let state = Mutex(State())

    /// Nothing reaches the disk from now on.
    func die() {
        state.withLock { $0.isDead = true }
    }

    func die(after writes: Int, _ kill: @escaping @Sendable () -> Void) {
        state.withLock { $0.deadly = (max(0, writes), kill) }
    }

    /// How many of so many bytes may still be written; `nil`: none. Counts the write.
    private func allowance(of bytes: Int) -> (bytes: Int?, kill: (@Sendable () -> Void)?) {
        state.withLock { state in
            guard !state.isDead else { return (nil, nil) }
            guard let deadly = state.deadly else { return (bytes, nil) }
            guard deadly.left == 0 else {
                state.deadly?.left -= 1
                return (bytes, nil)
            }
            state.isDead = true
            state.deadly = nil
            return (bytes / 2, deadly.kill)
        }
    }

    /// The system's calls, which block the only thread for as long as they take; but for the one that waits for the disk.
    var disk: StoreDisk {
        var disk = StoreDisk.system
        let system = disk
        disk.write = { [self] file, bytes in
            let (allowed, kill) = allowance(of: bytes.count)
            guard let allowed else {
                errno = EIO
                return -1
            }
            guard let kill else { return system.write(file, bytes) }
            _ = system.write(file, UnsafeRawBufferPointer(rebasing: bytes.prefix(allowed)))
            kill()
            errno = EIO
            return -1
        }
        disk.sync = { [self] file in
            guard !state.withLock({ $0.isDead }) else {
                errno = EIO
                return -1
            }
            // What was written outlives a process without that the disk is waited for.
            return 0
        }
        disk.makeQueue = { BlockingQueue { $0() } }
        return disk
    }
}
#endif
