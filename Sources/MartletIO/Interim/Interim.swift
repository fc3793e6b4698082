import Glibc
import Synchronization

package final class FlowGate: Sendable {
    private let count = Atomic(0)
    private let onOpen: @Sendable () -> Void
    package init(onOpen: @escaping @Sendable () -> Void) { self.onOpen = onOpen }
    package var isHeld: Bool { count.load(ordering: .relaxed) > 0 }
    package func hold() { count.wrappingAdd(1, ordering: .sequentiallyConsistent) }
    package func letGo() {
        if count.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue == 0 { onOpen() }
    }
}
package struct SocketAddress: Sendable, CustomStringConvertible {
    package let host: String
    package let port: Int
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
package enum Resolver {
    package static func addresses(of host: String, port: Int) async throws -> [SocketAddress] {
        [SocketAddress(host: host == "localhost" ? "127.0.0.1" : host, port: port)]
    }
}
package enum SocketOptions {
    package static func hasEnded(_ socket: CInt) -> Bool {
        var byte: UInt8 = 0
        let count = recv(socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
        return count == 0 || (count < 0 && errno != EAGAIN && errno != ENOTCONN)
    }
    package static func acknowledgeNow(_ socket: CInt) {
        var on: CInt = 1
        _ = setsockopt(socket, CInt(IPPROTO_TCP), TCP_QUICKACK, &on, 4)
    }
    package static func cork(_ socket: CInt, _ on: Bool) {
        var on: CInt = on ? 1 : 0
        _ = setsockopt(socket, CInt(IPPROTO_TCP), TCP_CORK, &on, 4)
    }
}
