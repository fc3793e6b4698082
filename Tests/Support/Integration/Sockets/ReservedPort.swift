#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A TCP port of the loopback addresses that nobody else gets while this object lives.
///
/// The kernel chooses the port, and the sockets it was asked with stay bound to it, without listening. On Linux a server
/// that sets `SO_REUSEADDR`, as all of them do, can then listen on the port, while the kernel gives it neither to somebody
/// else who asks for a free port nor to a client as its own end of a connection. So there is no race between choosing the
/// port and the server's start, nor while the server is down, when a client that keeps trying could even be connected to
/// itself.
package final class ReservedPort: Sendable {
    package let number: Int
    private let sockets: [Socket]

    package init() throws {
        // The port of one address may be taken on the other.
        for _ in 0..<100 {
            let first = try Socket()
            try first.bind(.loopback(port: 0))
            let number = try first.localPort
            var sockets = [first]
            if Socket.hasIPv6 {
                let second = try Socket(family: .v6)
                do { try second.bind(.loopback6(port: number)) } catch { continue }
                sockets.append(second)
            }
            #if canImport(Darwin)
            // There, a bound socket would keep the server out, too. The port is merely free now.
            self.sockets = []
            #else
            // Not before binding: two reservations would then share a port.
            for socket in sockets { try socket.setOption(SO_REUSEADDR) }
            self.sockets = sockets
            #endif
            self.number = number
            return
        }
        throw ServerError("No port was free on both 127.0.0.1 and ::1")
    }
}
