import IntegrationSupport
import Martlet

/// A broker with TLS that all suites share.
enum SecureBroker {
    static func shared() async throws -> RabbitMQServer { try await server { try make() } }

    private static let server = SharedServer<RabbitMQServer>()

    private static func make() throws -> RabbitMQServer {
        var options = RabbitMQOptions()
        options.tls = .mutual
        options.plugins = ["rabbitmq_auth_mechanism_ssl"]
        options.extraLines = [
            "auth_mechanisms.1 = PLAIN", "auth_mechanisms.2 = EXTERNAL", "ssl_cert_login_from = common_name",
        ]
        return try RabbitMQServer(options)
    }
}

extension RabbitMQServer {
    /// What a client of this broker trusts and shows.
    var clientTLS: TLSOptions {
        get async throws {
            let certificates = try await TestCertificates.shared
            return TLSOptions(
                trust: .file(certificates.authority),
                clientCertificate: .init(
                    chainFile: certificates.client.certificate,
                    keyFile: certificates.client.key
                )
            )
        }
    }
}
