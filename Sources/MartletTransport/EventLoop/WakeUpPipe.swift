#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The two ends of a pipe by which other threads wake the one that sleeps in `poll`.
///
/// Both ends are non-blocking and are not inherited by programs that this one runs.
struct WakeUpPipe: Sendable {
    let readEnd: CInt
    let writeEnd: CInt

    /// - Returns: `nil` if there are no descriptors left.
    static func open() -> WakeUpPipe? {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        return WakeUpPipe(readEnd: ends[0], writeEnd: ends[1])
    }

    /// Wakes whoever polls the other end. May be called from any thread, as long as the pipe is open.
    static func wake(_ writeEnd: CInt) {
        var byte: UInt8 = 1
        // The pipe holds many more bytes than there are threads that could be here, so it is never full.
        while write(writeEnd, &byte, 1) < 0, errno == EINTR {}
    }

    /// Takes what was written, without waiting.
    ///
    /// - Returns: how many bytes.
    func drain() -> Int {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { buffer in
            while true {
                let count = read(readEnd, buffer.baseAddress, buffer.count)
                if count >= 0 { return count }
                if errno != EINTR { return 0 }
            }
        }
    }

    /// Returns when something was written.
    func waitForByte() {
        var descriptor = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
        while poll(&descriptor, 1, -1) < 0, errno == EINTR {}
    }

    func close() {
        closeDescriptor(readEnd)
        closeDescriptor(writeEnd)
    }
}

/// `close` of the C library, where a method of that name hides it.
private func closeDescriptor(_ descriptor: CInt) {
    _ = close(descriptor)
}
