import IntegrationSupport
import Martlet

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
