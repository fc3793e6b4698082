#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What a transport sets on its sockets. Each returns whether the system did it: all but `setNonBlocking` may fail on
/// what is no TCP socket, which does no harm.
package enum SocketOptions {
    /// Reads and writes that would wait return `EAGAIN` instead.
    @discardableResult
    package static func setNonBlocking(_ descriptor: CInt) -> Bool {
        let flags = fcntl(descriptor, F_GETFL)
        return flags >= 0 && fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0
    }

    /// Sends what is written at once, rather than wait for the acknowledgement of what was sent before.
    @discardableResult
    package static func setNoDelay(_ descriptor: CInt) -> Bool {
        set(TCP_NODELAY, of: descriptor)
    }

    /// Acknowledges what arrives at once, so that a peer that does wait for that goes on. The system falls back by
    /// itself: it is set again after reading. Linux only.
    @discardableResult
    package static func setQuickAcknowledgement(_ descriptor: CInt) -> Bool {
        #if os(Linux)
        set(TCP_QUICKACK, of: descriptor)
        #else
        false
        #endif
    }

    private static func set(_ option: CInt, of descriptor: CInt, to value: CInt = 1) -> Bool {
        var value = value
        return setsockopt(descriptor, CInt(IPPROTO_TCP), option, &value, socklen_t(MemoryLayout<CInt>.size)) == 0
    }
}
