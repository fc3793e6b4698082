import IntegrationSupport
import Testing

@Suite(.timeLimit(.minutes(3)))
struct ReservedPortTests {
    @Test func nobodyElseGetsOne() throws {
        let ports = try (0..<500).map { _ in try ReservedPort() }
        #expect(Set(ports.map(\.number)).count == 500)
    }

    /// A client that keeps trying to connect to a port on which nobody listens can get that very port as its own, and is
    /// then connected to itself.
    @Test func noClientIsGivenOne() async throws {
        let ports = try (0..<200).map { _ in try ReservedPort() }
        let taken = Set(ports.map(\.number))
        let listener = try Socket.listening()
        let port = try listener.localPort
        var clients: [Socket] = []
        for _ in 0..<200 {
            let client = try Socket.connecting(to: .loopback(port: port))
            let own = try client.localPort
            #expect(!taken.contains(own))
            clients.append(client)
        }
    }
}
