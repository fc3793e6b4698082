import MartletTransport
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite struct SocketTests {
    @Test func optionsAreSet() async throws {
        for host in ["127.0.0.1", "::1"] {
            let address = try #require(await Resolver.addresses(of: host, port: 9).first)
            #if canImport(Darwin) || canImport(Musl)
            let type = SOCK_STREAM
            #else
            let type = CInt(SOCK_STREAM.rawValue)
            #endif
            let descriptor = socket(address.family, type, 0)
            // A machine may have no IPv6.
            guard descriptor >= 0 else { continue }
            defer { _ = close(descriptor) }
            #expect(SocketOptions.setNonBlocking(descriptor))
            #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0)
            #expect(SocketOptions.setNoDelay(descriptor))
            var value: CInt = 0
            var size = socklen_t(MemoryLayout<CInt>.size)
            #expect(getsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &value, &size) == 0)
            #expect(value != 0)
            #if os(Linux)
            #expect(SocketOptions.setQuickAcknowledgement(descriptor))
            #endif
            // The address is one that the system takes.
            let code = address.withSystemAddress { connect(descriptor, $0, $1) == 0 ? 0 : errno }
            #expect([0, EINPROGRESS, ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL].contains(code))
        }
        #expect(!SocketOptions.setNonBlocking(-1))
        #expect(!SocketOptions.setNoDelay(-1))
    }
}
