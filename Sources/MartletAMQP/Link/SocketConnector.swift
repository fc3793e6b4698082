import Glibc
import Martlet
import MartletTransport

/// Opens sockets without waiting.
enum SocketConnector {
    /// A socket that is being connected to an address.
    ///
    /// - Throws: ``MessagingError/Code/connectionLost`` if that can't even begin.
    static func begin(to address: SocketAddress) throws -> CInt {
        let flags = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = Glibc.socket(address.family, flags, 0)
        guard socket >= 0 else { throw failure(errno, address) }
        SocketOptions.setNoDelay(socket)
        guard address.withSystemAddress({ connect(socket, $0, $1) }) == 0 || errno == EINPROGRESS else {
            let number = errno
            close(socket)
            throw failure(number, address)
        }
        return socket
    }

    /// Whether a socket has become connected.
    ///
    /// - Throws: ``MessagingError/Code/connectionLost`` if it never will.
    static func isConnected(_ socket: CInt) throws -> Bool {
        var entry = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
        guard poll(&entry, 1, 0) > 0 else { return false }
        var number: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        if getsockopt(socket, SOL_SOCKET, SO_ERROR, &number, &size) != 0 { number = errno }
        if number != 0 { throw MessagingError(.connectionLost, String(cString: strerror(number))) }
        return true
    }

    private static func failure(_ number: CInt, _ address: SocketAddress) -> MessagingError {
        MessagingError(.connectionLost, String(cString: strerror(number)))
    }
}
