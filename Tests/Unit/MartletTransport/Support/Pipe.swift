#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Two connected descriptors, closed when nobody holds them any more.
final class Pipe: Sendable {
    let readEnd: CInt
    let writeEnd: CInt
    private let isWriteEndOpen = Shared(true)

    /// - Parameter bidirectional: whether it is a pair of sockets.
    init(bidirectional: Bool = false) {
        var ends: [CInt] = [-1, -1]
        if bidirectional {
            #if canImport(Darwin)
            let type = SOCK_STREAM
            #else
            let type = CInt(SOCK_STREAM.rawValue)
            #endif
            precondition(socketpair(AF_UNIX, type, 0, &ends) == 0)
        } else {
            precondition(pipe(&ends) == 0)
        }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        _ = close(readEnd)
        closeWriteEnd()
    }

    func closeWriteEnd() {
        let wasOpen = isWriteEndOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        if wasOpen { _ = close(writeEnd) }
    }

    /// Blocks until there is something to read.
    func waitForByte() {
        var descriptor = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
        while poll(&descriptor, 1, -1) < 0 {}
    }

    /// How many bytes were written.
    @discardableResult
    func write(_ count: Int = 1) -> Int {
        let bytes = [UInt8](repeating: 1, count: count)
        return max(0, systemWrite(writeEnd, bytes, count))
    }

    /// How many bytes were there to read.
    @discardableResult
    func read(_ count: Int = 64) -> Int {
        var bytes = [UInt8](repeating: 0, count: count)
        return max(0, systemRead(readEnd, &bytes, count))
    }
}

// The C library's functions, where methods of these names hide them.
private func systemWrite(_ descriptor: CInt, _ bytes: [UInt8], _ count: Int) -> Int { write(descriptor, bytes, count) }
private func systemRead(_ descriptor: CInt, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
    read(descriptor, bytes, count)
}
