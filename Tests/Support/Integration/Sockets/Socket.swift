#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A TCP socket that never blocks and that no other program inherits. It is closed when the last reference is gone.
package final class Socket: Sendable {
    /// What came of an attempt to read or write.
    package enum Outcome<Value: Sendable>: Sendable {
        case done(Value)
        /// Nothing can be read or written now.
        case notNow
        /// The other side has ended its side (reading only).
        case ended
        /// The connection is lost, for the reason that `errno` gave.
        case lost(Int32)
    }

    /// The system's number for the socket, which belongs to this object.
    package let descriptor: Int32

    init(family: SocketAddress.Family = .v4) throws(ServerError) {
        let domain = family == .v4 ? AF_INET : AF_INET6
        #if canImport(Darwin)
        descriptor = socket(domain, SOCK_STREAM, 0)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        #else
        let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        descriptor = socket(domain, Int32(kind), 0)
        #endif
        guard descriptor >= 0 else { throw Self.error("No socket") }
    }

    /// Takes over a descriptor.
    init(descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close(descriptor) }

    /// Begins to connect; whether that succeeds shows when something is read or written.
    package static func connecting(to address: SocketAddress) throws(ServerError) -> Socket {
        let socket = try Socket(family: address.family)
        let result = address.withPointer { connect(socket.descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else { throw error("No connection to \(address)") }
        try? socket.setOption(TCP_NODELAY, level: Int32(IPPROTO_TCP))
        return socket
    }

    /// A socket that listens on a port of 127.0.0.1 that the kernel chooses.
    package static func listening() throws(ServerError) -> Socket {
        let socket = try Socket()
        try socket.bind(.loopback(port: 0))
        try socket.listen()
        return socket
    }

    /// Whether this machine has the address ::1.
    static let hasIPv6: Bool = {
        guard let socket = try? Socket(family: .v6) else { return false }
        return (try? socket.bind(.loopback6(port: 0))) != nil
    }()

    /// Two sockets of this process that are connected to each other.
    package static func pair() throws(ServerError) -> (Socket, Socket) {
        let (one, other) = try ChildProcess.socketPair()
        return (Socket(descriptor: one), Socket(descriptor: other))
    }

    func bind(_ address: SocketAddress) throws(ServerError) {
        #if canImport(Darwin)
        let result = address.withPointer { Darwin.bind(descriptor, $0, $1) }
        #else
        let result = address.withPointer { Glibc.bind(descriptor, $0, $1) }
        #endif
        guard result == 0 else { throw Self.error("Can't bind to \(address)") }
    }

    func listen() throws(ServerError) {
        #if canImport(Darwin)
        let result = Darwin.listen(descriptor, 128)
        #else
        let result = Glibc.listen(descriptor, 128)
        #endif
        guard result == 0 else { throw Self.error("Can't listen") }
    }

    /// The next connection that has been made to this listening socket; `nil` if there is none now.
    package func accept() -> Socket? {
        #if canImport(Darwin)
        let accepted = Darwin.accept(descriptor, nil, nil)
        #else
        let accepted = Glibc.accept(descriptor, nil, nil)
        #endif
        return accepted < 0 ? nil : Socket(descriptor: accepted)
    }

    func setOption(_ option: Int32, level: Int32 = SOL_SOCKET) throws(ServerError) {
        var value: Int32 = 1
        guard setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
            throw Self.error("Can't set option \(option)")
        }
    }

    /// Makes the close of this socket a reset of the connection (RST), as after a crash of the machine.
    func resetOnClose() {
        var value = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }

    /// Says that nothing more will be written (FIN).
    package func endWriting() {
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Ends both directions at once, whoever else holds the socket: a program that is being started has it for a moment.
    package func end() {
        _ = shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// The port that the socket is bound to.
    package var localPort: Int {
        get throws(ServerError) {
            var address = sockaddr_in6()
            var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
            let result = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
            }
            guard result == 0 else { throw Self.error("The socket has no name") }
            // At the same place in addresses of both families.
            return Int(in_port_t(bigEndian: address.sin6_port))
        }
    }

    /// Whether there is something to read, the end included.
    var isReadable: Bool { isReady(for: POLLIN) }

    /// Whether there is room for something to be written, or the connection is lost.
    var isWritable: Bool { isReady(for: POLLOUT) }

    private func isReady(for events: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return poll(&request, 1, 0) == 1
    }

    /// Whether an attempt to connect goes on, succeeded or failed.
    package var connectionProgress: Outcome<Void> {
        guard isWritable else { return .notNow }
        var failure: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &size)
        return failure == 0 ? .done(()) : .lost(failure)
    }

    /// Reads what there is, up to `limit` bytes.
    package func read(limit: Int = 65_536) -> Outcome<[UInt8]> {
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            let result = recv(descriptor, buffer.baseAddress, limit, 0)
            if result < 0 { failure = errno }
            count = max(0, result)
        }
        if failure == EAGAIN || failure == EINTR { return .notNow }
        if failure != 0 { return .lost(failure) }
        return bytes.isEmpty ? .ended : .done(bytes)
    }

    /// Writes as much as there is room for, and says how much.
    package func write(_ bytes: some Collection<UInt8>) -> Outcome<Int> {
        #if canImport(Darwin)
        let flags: Int32 = 0
        #else
        let flags = Int32(MSG_NOSIGNAL)
        #endif
        let bytes = Array(bytes)
        let result = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, flags) }
        if result >= 0 { return .done(result) }
        switch errno {
        case EAGAIN, EINTR: return .notNow
        case let failure: return .lost(failure)
        }
    }

    private static func error(_ text: String) -> ServerError {
        ServerError("\(text): \(String(cString: strerror(errno)))")
    }
}
