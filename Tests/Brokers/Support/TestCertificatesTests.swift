import IntegrationSupport
import Testing

@Suite(.timeLimit(.minutes(10)))
struct TestCertificatesTests {
    let certificates: TestCertificates
    let openssl: String

    init() async throws {
        certificates = try await TestCertificates.shared
        openssl = try Program.find("openssl", package: "openssl")
    }

    @Test(arguments: [
        (\TestCertificates.server, "sslserver"), (\.elsewhere, "sslserver"), (\.client, "sslclient"),
        (\.lockedClient, "sslclient"),
    ])
    func thoseOfTheAuthorityAreTrusted(
        identity: any KeyPath<TestCertificates, TestCertificates.Identity> & Sendable,
        purpose: String
    ) async throws {
        let file = certificates[keyPath: identity].certificate
        let authority = certificates.authority
        try await Program.run(openssl, ["verify", "-purpose", purpose, "-CAfile", authority, file])
    }

    @Test func theyAreForTheirHostsOnly() async throws {
        for host in [["-verify_hostname", "localhost"], ["-verify_ip", "127.0.0.1"], ["-verify_ip", "::1"]] {
            let check = ["verify"] + host + ["-CAfile", certificates.authority]
            try await Program.run(openssl, check + [certificates.server.certificate])
            let error = await failure { try await Program.run(openssl, check + [certificates.elsewhere.certificate]) }
            #expect(error?.contains("mismatch") == true)
        }
    }

    @Test func anExpiredOneIsExpired() async throws {
        let error = await failure {
            try await Program.run(
                openssl,
                ["verify", "-CAfile", certificates.authority, certificates.expired.certificate]
            )
        }
        #expect(error?.contains("certificate has expired") == true)
    }

    @Test func aStrangersIsNotTrusted() async throws {
        for identity in [certificates.strange, certificates.strangeClient] {
            let error = await failure {
                try await Program.run(openssl, ["verify", "-CAfile", certificates.authority, identity.certificate])
            }
            #expect(error?.contains("unable to get local issuer certificate") == true)
            try await Program.run(openssl, ["verify", "-CAfile", certificates.strangeAuthority, identity.certificate])
        }
    }

    @Test func aLockedKeyNeedsItsPassphrase() async throws {
        let identity = certificates.lockedClient
        let passphrase = try #require(identity.passphrase)
        try await Program.run(openssl, ["pkey", "-in", identity.key, "-passin", "pass:\(passphrase)", "-noout"])
        let error = await failure {
            try await Program.run(openssl, ["pkey", "-in", identity.key, "-passin", "pass:wrong", "-noout"])
        }
        #expect(error != nil)
    }

    @Test func mosquittoShowsTheOneItIsTold() async throws {
        var options = MosquittoOptions()
        options.tls = .mutual
        try await MosquittoServer.withServer(options) { server in
            let address = "localhost:\(try #require(server.tlsPort))"
            let connect = ["s_client", "-connect", address, "-CAfile", certificates.authority, "-verify_return_error"]
            let identity = certificates.client
            try await Program.run(openssl, connect + ["-cert", identity.certificate, "-key", identity.key])
        }
        options.tls = .server
        options.certificate = \.expired
        try await MosquittoServer.withServer(options) { server in
            let address = "localhost:\(try #require(server.tlsPort))"
            let connect = ["s_client", "-connect", address, "-CAfile", certificates.authority, "-verify_return_error"]
            let error = await failure { try await Program.run(openssl, connect) }
            #expect(error?.contains("certificate has expired") == true)
        }
    }
}
