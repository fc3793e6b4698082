package import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One address that a socket is connected to.
package enum Endpoint: Sendable, Hashable, CustomStringConvertible {
    /// The host is what the server is called, which is what its certificate is for.
    case tcp(SocketAddress, host: String)
    case unix(path: String)

    package var description: String {
        switch self {
        case .tcp(let address, let host): address.host == host ? "\(address)" : "\(host) at \(address)"
        case .unix(let path): path
        }
    }

    package var host: String {
        switch self {
        case .tcp(_, let host): host
        case .unix: ""
        }
    }

    /// A socket that is being connected to it, and never blocks. The caller closes it.
    ///
    /// - Parameter asksForLife: whether the system is to find out that the other side is gone, also while that reads
    ///   nothing: after 30 seconds.
    /// - Throws: `MessagingError.Code.connectionLost` with the system's reason.
    package func connect(asksForLife: Bool = false) throws -> CInt {
        let family =
            switch self {
            case .tcp(let address, _): address.family
            case .unix: AF_UNIX
            }
        #if canImport(Glibc)
        let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        #elseif canImport(Musl)
        let kind = SOCK_STREAM | SOCK_CLOEXEC
        #else
        let kind = SOCK_STREAM
        #endif
        let descriptor = socket(family, kind, 0)
        guard descriptor >= 0 else { throw Self.failure(errno) }
        SocketOptions.setNonBlocking(descriptor)
        let result: CInt
        switch self {
        case .tcp(let address, _):
            SocketOptions.setNoDelay(descriptor)
            if asksForLife { Self.keepAlive(descriptor) }
            result = address.withSystemAddress { systemConnect(descriptor, $0, $1) }
        case .unix(let path):
            result = Self.withSystemAddress(of: path) { systemConnect(descriptor, $0, $1) }
        }
        // A socket of this machine that has no room for one more connection says so at once.
        guard result == 0 || errno == EINPROGRESS || errno == EINTR else {
            let code = errno
            close(descriptor)
            throw Self.failure(code)
        }
        return descriptor
    }

    /// Why the attempt to connect failed; `nil` if it did not.
    package static func failure(of descriptor: CInt) -> MessagingError? {
        var code: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        return code == 0 ? nil : failure(code)
    }

    package static func failure(_ code: CInt) -> MessagingError {
        MessagingError(.connectionLost, "the system says: \(String(cString: strerror(code)))")
    }

    /// Where the protocol has no question of its own for a socket that blocks, the system asks.
    private static func keepAlive(_ descriptor: CInt) {
        func set(_ level: CInt, _ option: CInt, _ value: CInt) {
            var value = value
            _ = setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
        }
        set(SOL_SOCKET, SO_KEEPALIVE, 1)
        #if os(Linux)
        set(CInt(IPPROTO_TCP), TCP_KEEPIDLE, 15)
        set(CInt(IPPROTO_TCP), TCP_KEEPINTVL, 5)
        set(CInt(IPPROTO_TCP), TCP_KEEPCNT, 3)
        set(CInt(IPPROTO_TCP), TCP_USER_TIMEOUT, 30_000)
        #endif
    }

    private static func withSystemAddress(
        of path: String,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) -> CInt {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            // Options are checked: it is shorter than this, and a zero remains at its end.
            bytes.copyBytes(from: Array(path.utf8).prefix(bytes.count - 1))
        }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}

/// The system's function, whose name the method above hides.
private func systemConnect(_ descriptor: CInt, _ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> CInt {
    connect(descriptor, address, length)
}
