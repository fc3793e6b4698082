import IntegrationSupport
package import Martlet
import MartletServer

/// Martlet's own broker on ports of this machine. All tests of the process share it, and it ends with the process.
package struct OwnBroker: Sendable {
    /// The broker itself, for connections of this process.
    package let broker: MemoryBroker
    /// Of a listener that lets everybody in.
    package let port: Int
    /// Of one under TLS, which lets in `alice` with the password `sesame` alone.
    package let tlsPort: Int

    package static var shared: OwnBroker {
        get async throws { try await starting.value }
    }

    private static let starting = Task {
        let certificates = try await TestCertificates.shared
        let tls = Listener.TLS(
            certificateChain: certificates.server.certificate,
            privateKey: certificates.server.key
        )
        let broker = MemoryBroker()
        let server = BrokerServer(
            broker,
            listeners: [.mqtt(port: 0), .mqtts(port: 0, tls)],
            authenticator: Alice()
        )
        Task { try await server.run() }
        let addresses = try await server.addresses
        return OwnBroker(broker: broker, port: addresses[0].port, tlsPort: addresses[1].port)
    }

    private struct Alice: Authenticator {
        func authenticate(_ credentials: ClientCredentials) async throws -> AuthenticationVerdict {
            guard credentials.listener == "mqtts" else { return .accepted(user: nil) }
            let isAlice = credentials.user == "alice" && credentials.password == Array("sesame".utf8)
            return isAlice ? .accepted(user: "alice") : .refused
        }
    }
}
