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

    /// Holds back what is written until it fills packets, or until told to go on. Linux only; elsewhere each write
    /// goes as it comes.
    @discardableResult
    package static func setHeldBack(_ isHeldBack: Bool, _ descriptor: CInt) -> Bool {
        #if os(Linux)
        set(TCP_CORK, of: descriptor, to: isHeldBack ? 1 : 0)
        #else
        false
        #endif
    }

    /// Whether a socket that is ready to be read has come to its end, or failed.
    package static func hasEnded(_ descriptor: CInt) -> Bool {
        var byte: UInt8 = 0
        let count = recv(descriptor, &byte, 1, CInt(MSG_PEEK) | CInt(MSG_DONTWAIT))
        return count == 0 || (count < 0 && ![EAGAIN, EINTR, ENOTCONN].contains(errno))
    }

    private static func set(_ option: CInt, of descriptor: CInt, to value: CInt = 1) -> Bool {
        var value = value
        return setsockopt(descriptor, CInt(IPPROTO_TCP), option, &value, socklen_t(MemoryLayout<CInt>.size)) == 0
    }
}
