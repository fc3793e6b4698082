import Testing

@testable import IntegrationSupport

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

struct ReservedPortTests {
    @Test func nobodyElseGetsOne() throws {
        let ports = try (0..<500).map { _ in try ReservedPort() }
        #expect(Set(ports.map(\.number)).count == 500)
        let number = try #require(ports.first).number
        for address in [SocketAddress.loopback(port: number), .loopback6(port: number)] {
            #expect(throws: ServerError.self) { try Socket(family: address.family).bind(address) }
        }
    }

    @Test func aServerCanListenOnItAgainAndAgain() async throws {
        let port = try ReservedPort()
        for _ in 0..<3 {
            for address in [SocketAddress.loopback(port: port.number), .loopback6(port: port.number)] {
                let listener = try Socket(family: address.family)
                try listener.setOption(SO_REUSEADDR)
                try listener.bind(address)
                try listener.listen()
                let client = try Socket.connecting(to: address)
                try await until { listener.accept() != nil }
                let end = try await client.receiveEnd()
                #expect(end)
            }
        }
    }
}
