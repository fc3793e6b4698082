import Foundation
import IntegrationSupport
import Martlet
import MartletMQTT
import MartletTesting
import Testing

/// A broker that can't prove who it is gets nothing, nor does a client that can't.
@Suite(.timeLimit(.minutes(10))) struct TLSRefusalTests {
    private func options(
        _ server: MosquittoServer,
        host: String = "localhost",
        version: MQTTVersion = .v5,
        _ tls: TLSOptions
    ) throws -> MQTTOptions {
        .local(try #require(server.tlsPort), version) {
            $0.servers[0].host = host
            $0.tls = tls
        }
    }

    private func encrypted(
        _ certificate: any KeyPath<TestCertificates, TestCertificates.Identity> & Sendable,
        _ tls: ServerTLS = .server
    ) -> MosquittoOptions {
        var options = MosquittoOptions()
        options.tls = tls
        options.certificate = certificate
        return options
    }

    private func refusal(_ options: MQTTOptions) async -> MessagingError? {
        await messagingError { await (try MQTTConnection.connect(options)).close() }
    }

    @Test(arguments: MQTTVersion.allCases) func aBrokerThatProvesWhoItIsIsAccepted(_ version: MQTTVersion) async throws
    {
        let certificates = try await TestCertificates.shared
        try await MosquittoServer.withServer(encrypted(\.server)) { server in
            for host in ["localhost", "127.0.0.1"] {
                let options = try options(
                    server,
                    host: host,
                    version: version,
                    TLSOptions(trust: .file(certificates.authority))
                )
                try await MQTTConnection.withConnection(options) {
                    try await $0.publish(Message("x"), to: "t", options: PublishOptions(guarantee: .atLeastOnce))
                }
            }
        }
    }

    @Test func anAuthorityThatNobodyTrustsIsRefused() async throws {
        let certificates = try await TestCertificates.shared
        try await MosquittoServer.withServer(encrypted(\.server)) { server in
            for trust in [TLSOptions.Trust.file(certificates.strangeAuthority), .system] {
                let error = try await refusal(options(server, TLSOptions(trust: trust)))
                #expect(error?.code == .refused)
                #expect(error?.isRetriable == false)
                #expect(error?.message.contains("nobody that is trusted") == true, "\(String(describing: error))")
            }
        }
    }

    @Test func aNameThatIsNotTheBrokersIsRefused() async throws {
        let certificates = try await TestCertificates.shared
        try await MosquittoServer.withServer(encrypted(\.elsewhere)) { server in
            var tls = TLSOptions(trust: .file(certificates.authority))
            for host in ["localhost", "127.0.0.1"] {
                let error = try await refusal(options(server, host: host, tls))
                #expect(error?.code == .refused)
                #expect(error?.message.contains("elsewhere.test") == true, "\(String(describing: error))")
            }
            tls.serverName = "elsewhere.test"
            #expect(try await refusal(options(server, tls)) == nil)
            tls.serverName = nil
            tls.verification = .noHostName
            #expect(try await refusal(options(server, tls)) == nil)
        }
    }

    @Test func anExpiredCertificateIsRefused() async throws {
        let certificates = try await TestCertificates.shared
        try await MosquittoServer.withServer(encrypted(\.expired)) { server in
            let error = try await refusal(options(server, TLSOptions(trust: .file(certificates.authority))))
            #expect(error?.code == .refused)
            #expect(error?.message.contains("expired") == true, "\(String(describing: error))")
        }
    }

    @Test(arguments: MQTTVersion.allCases) func aClientWithoutACertificateIsRefusedWhereOneIsRequired(
        _ version: MQTTVersion
    ) async throws {
        let certificates = try await TestCertificates.shared
        try await MosquittoServer.withServer(encrypted(\.server, .mutual)) { server in
            var tls = TLSOptions(trust: .file(certificates.authority))
            let missing = try await refusal(options(server, version: version, tls))
            #expect(missing?.code == .refused, "\(String(describing: missing))")

            tls.clientCertificate = .init(
                chainFile: certificates.strangeClient.certificate,
                keyFile: certificates.strangeClient.key
            )
            let strange = try await refusal(options(server, version: version, tls))
            #expect(strange?.code == .refused, "\(String(describing: strange))")

            tls.clientCertificate = .init(chainFile: certificates.client.certificate, keyFile: certificates.client.key)
            #expect(try await refusal(options(server, version: version, tls)) == nil)

            tls.clientCertificate = .init(
                chainFile: certificates.lockedClient.certificate,
                keyFile: certificates.lockedClient.key,
                passPhrase: certificates.lockedClient.passphrase
            )
            #expect(try await refusal(options(server, version: version, tls)) == nil)
            tls.clientCertificate?.passPhrase = "wrong"
            let locked = try await refusal(options(server, version: version, tls))
            #expect(locked?.code == .invalidArgument)
        }
    }

    /// A device's certificate is renewed while it runs.
    @Test func aClientsCertificateIsReadAnewForEachLink() async throws {
        let certificates = try await TestCertificates.shared
        let folder = try TemporaryFolder("renewed")
        let good = try String(contentsOfFile: certificates.client.certificate, encoding: .utf8)
        let file = try folder.write(good, to: "client.pem")
        try await MosquittoServer.withServer(encrypted(\.server, .mutual)) { server in
            var tls = TLSOptions(trust: .file(certificates.authority))
            tls.clientCertificate = .init(chainFile: file, keyFile: certificates.client.key)
            try await MQTTConnection.withConnection(try options(server, tls)) { connection in
                _ = try folder.write("nothing of use", to: "client.pem")
                try await server.restart()
                try await until { connection.statistics.lastLinkFailure?.contains(file) == true }
                _ = try folder.write(good, to: "client.pem")
                try await until { connection.state == .connected }
            }
        }
        folder.remove()
    }

    /// Either side speaks TLS and the other does not.
    @Test(arguments: MQTTVersion.allCases) func aMixUpOfPortsIsAnError(_ version: MQTTVersion) async throws {
        let certificates = try await TestCertificates.shared
        try await MosquittoServer.withServer(encrypted(\.server)) { server in
            let toPlain = await refusal(
                .local(server.port, version) { $0.tls = TLSOptions(trust: .file(certificates.authority)) }
            )
            #expect([.refused, .connectionLost].contains(toPlain?.code), "\(String(describing: toPlain))")
            let toEncrypted = await refusal(.local(try #require(server.tlsPort), version))
            #expect(toEncrypted?.code == .connectionLost, "\(String(describing: toEncrypted))")
        }
    }
}
