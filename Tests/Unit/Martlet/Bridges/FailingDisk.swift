import Synchronization

@testable import struct Martlet.StoreDisk

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The system's calls, some of which fail as long as a test wants that; and what was forced onto the disk.
final class FailingDisk: Sendable {
    /// What fails.
    enum Call: Sendable {
        case write
        case read
        case syncOfFiles
        case syncOfFolders
    }

    private struct State {
        var failing: Set<Call> = []
        /// How many more calls succeed before one fails.
        var reprieve = 0
        /// How many calls fail, at most.
        var limit = Int.max
        var failures = 0
        /// Which part of a file can't be read.
        var unreadable = 0..<Int.max
        var syncedFiles = 0
        /// The folders that were forced onto the disk, by their inode, one entry each time.
        var syncedFolders: [UInt64] = []
    }

    private let state = Mutex(State())

    /// How many calls have failed.
    var failures: Int { state.withLock { $0.failures } }
    var syncedFiles: Int { state.withLock { $0.syncedFiles } }
    var syncedFolders: [UInt64] { state.withLock { $0.syncedFolders } }

    /// From now on these calls fail, and no others.
    func fail(_ calls: Call..., after reprieve: Int = 0) {
        state.withLock { state in
            state.failing = Set(calls)
            state.reprieve = reprieve
            state.limit = .max
        }
    }

    /// From now on only this part of files can't be read, and that only so often.
    func failReading(_ range: Range<Int>, times: Int = .max) {
        state.withLock { state in
            state.failing = [.read]
            state.unreadable = range
            state.reprieve = 0
            state.limit = times
        }
    }

    private func fails(_ call: Call, at offset: Int = 0, _ count: Int = 1) -> Bool {
        state.withLock { state in
            guard state.failing.contains(call), state.limit > 0 else { return false }
            guard call != .read || state.unreadable.overlaps(offset..<offset + count) else { return false }
            state.limit -= 1
            state.reprieve -= 1
            guard state.reprieve < 0 else { return false }
            state.failures += 1
            return true
        }
    }

    var disk: StoreDisk {
        StoreDisk { [self] file, bytes in
            guard !fails(.write) else {
                errno = EIO
                return -1
            }
            return StoreDisk.system.write(file, bytes)
        } read: { [self] file, bytes, offset in
            guard !fails(.read, at: offset, bytes.count) else {
                errno = EIO
                return -1
            }
            return StoreDisk.system.read(file, bytes, offset)
        } sync: { [self] file in
            var status = stat()
            fstat(file, &status)
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            guard !fails(isFolder ? .syncOfFolders : .syncOfFiles) else {
                errno = EIO
                return -1
            }
            let inode = UInt64(status.st_ino)
            state.withLock { state in
                if isFolder { state.syncedFolders.append(inode) } else { state.syncedFiles += 1 }
            }
            return StoreDisk.system.sync(file)
        }
    }

    /// The inode of a folder.
    static func inode(of path: String) -> UInt64 {
        var status = stat()
        return stat(path, &status) == 0 ? UInt64(status.st_ino) : 0
    }
}
