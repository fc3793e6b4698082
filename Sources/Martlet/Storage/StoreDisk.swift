#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The system calls by which a store writes and reads. A test puts others in their place, which fail as a broken disk does.
package struct StoreDisk: Sendable {
    /// Writes bytes to a file; as `write`.
    package var write: @Sendable (_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Int
    /// Reads bytes of a file; as `pread`.
    package var read: @Sendable (_ file: Int32, _ bytes: UnsafeMutableRawBufferPointer, _ offset: Int) -> Int
    /// Forces a file or a folder onto the disk; as `fsync`.
    package var sync: @Sendable (_ file: Int32) -> Int32
    /// Makes a queue for what blocks.
    package var makeQueue: @Sendable () -> BlockingQueue = { BlockingQueue(label: "martlet.store") }

    package static let system = StoreDisk(
        write: { writeToSystem($0, $1) },
        read: { pread($0, $1.baseAddress, $1.count, off_t($2)) },
        sync: { forceOntoDisk($0) }
    )
}

/// A system call that failed.
package struct StoreFailure: Error, Hashable, CustomStringConvertible {
    package let call: String
    package let code: Int32

    /// The failure of a call; by default of the one that was made last on this thread.
    package init(of call: String, code: Int32 = errno) {
        self.call = call
        self.code = code
    }

    /// Whether there is no room on the disk, rather than something wrong with it.
    package var isFull: Bool { [ENOSPC, EDQUOT, EFBIG].contains(code) }

    package var description: String { "\(call): \(String(cString: strerror(code)))" }
}

private func writeToSystem(_ file: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    write(file, bytes.baseAddress, bytes.count)
}

private func forceOntoDisk(_ file: Int32) -> Int32 {
    #if canImport(Darwin)
    // There `fsync` leaves the bytes in the disk's own memory. Not every file system knows more.
    if fcntl(file, F_FULLFSYNC) == 0 { return 0 }
    #endif
    return fsync(file)
}
