import IntegrationSupport
import Martlet
import MartletTransport
import Testing

/// Whom a client trusts, with the `openssl` program as the server.
@Suite(.timeLimit(.minutes(10))) struct TLSVerificationTests {
    /// What came of connecting: the line that came back, or what was wrong.
    private enum Outcome: Sendable, Equatable {
        case line(String)
        case failed(MessagingError.Code, String)

        var problem: String {
            if case .failed(_, let problem) = self { problem } else { "none" }
        }
    }

    /// Connects to a server with a certificate for some names.
    private func connect(
        to host: String,
        names: String? = "DNS:broker.test, IP:127.0.0.1",
        isExpired: Bool = false,
        server options: [String] = [],
        tls: (CertificateAuthority) async throws -> TLSOptions = { TLSOptions(trust: .file($0.certificate)) }
    ) async throws -> Outcome {
        try await CertificateAuthority.withAuthority { authority in
            let identity = try await authority.issue("server", for: .server(names: names), isExpired: isExpired)
            let context = try TLSContext(try await tls(authority), host: host)
            return try await OpenSSLServer.withServer(identity, options: options) { server in
                try await Self.outcome(of: context, server)
            }
        }
    }

    private static func outcome(of context: TLSContext, _ server: OpenSSLServer) async throws -> Outcome {
        let client = try await TestClient(context, port: server.port)
        do {
            return .line(try await client.exchange())
        } catch let error as MessagingError {
            return .failed(error.code, error.message + (context.failure == nil ? "" : " (recorded)"))
        } catch {
            return .failed("support", "\(error)")
        }
    }

    private static let good = Outcome.line("olleh\n")

    @Test(arguments: ["broker.test", "BROKER.test.", "127.0.0.1"])
    func trusted(host: String) async throws {
        #expect(try await connect(to: host) == Self.good)
    }

    @Test func trustedByAFolder() async throws {
        let outcome = try await connect(to: "broker.test") { authority in
            TLSOptions(trust: .folder(try await authority.hashedFolder()))
        }
        #expect(outcome == Self.good)
    }

    /// It is trusted for itself: who has signed it need not be.
    @Test(arguments: [false, true]) func anAuthorityThatAnotherHasSigned(isSent: Bool) async throws {
        try await CertificateAuthority.withAuthority { root in
            let authority = try await root.authority("intermediate")
            let context = try TLSContext(TLSOptions(trust: .file(authority.certificate)), host: "broker.test")
            let use = CertificateUse.server(names: "DNS:broker.test")
            let options = isSent ? ["-cert_chain", authority.certificate] : []
            let outcome = try await OpenSSLServer.withServer(authority.issue("server", for: use), options: options) {
                try await Self.outcome(of: context, $0)
            }
            #expect(outcome == Self.good)
            // Nor does anything follow for what else that one has signed.
            let other = try await OpenSSLServer.withServer(root.issue("other", for: use)) {
                try await Self.outcome(of: context, $0)
            }
            #expect(other.problem.contains("signed by nobody that is trusted"), "\(other)")
        }
    }

    @Test func anotherAuthority() async throws {
        let strange = try await TestCertificates.shared.strangeAuthority
        let outcome = try await connect(to: "broker.test") { _ in TLSOptions(trust: .file(strange)) }
        #expect(
            outcome.problem.hasPrefix(
                "the broker can't be trusted: the certificate is signed by nobody that is trusted"
            )
        )
        #expect(outcome.problem.hasSuffix("(recorded)"))
    }

    @Test func theSystemDoesNotTrustIt() async throws {
        let outcome = try await connect(to: "broker.test") { _ in TLSOptions() }
        #expect(outcome.problem.contains("signed by nobody that is trusted"), "\(outcome)")
    }

    @Test func anotherName() async throws {
        let outcome = try await connect(
            to: "other.test",
            names: "DNS:broker.test, DNS:*.broker.test, IP:::1, IP:10.0.0.1"
        )
        #expect(
            outcome.problem.contains(
                #"the certificate is for another host name: "broker.test", "*.broker.test", 0:0:0:0:0:0:0:1, 10.0.0.1 (OpenSSL:"#
            ),
            "\(outcome)"
        )
        if case .failed(let code, _) = outcome { #expect(code == .refused) }
    }

    @Test func anotherAddress() async throws {
        let outcome = try await connect(to: "127.0.0.1", names: "DNS:127.0.0.1, IP:127.0.0.2")
        #expect(outcome.problem.contains(#"for another address: "127.0.0.1", 127.0.0.2"#), "\(outcome)")
    }

    @Test func manyNamesAndStrangeOnes() async throws {
        let names = (1...50).map { "DNS:\($0)\u{1B}[31m.test" }.joined(separator: ", ")
        let outcome = try await connect(to: "other.test", names: names)
        #expect(outcome.problem.contains("and more"), "\(outcome)")
        #expect(!outcome.problem.contains("\u{1B}"), "\(outcome)")
    }

    @Test func onlyACommonName() async throws {
        let outcome = try await connect(to: "other.test", names: nil)
        #expect(outcome.problem.contains(#"for another host name: "server""#), "\(outcome)")
        #expect(try await connect(to: "server", names: nil) == Self.good)
    }

    @Test func aWildcardIsAWholeLabel() async throws {
        #expect(try await connect(to: "a.broker.test", names: "DNS:*.broker.test") == Self.good)
        #expect(
            try await connect(to: "a.b.broker.test", names: "DNS:*.broker.test").problem.contains("another host name")
        )
        #expect(
            try await connect(to: "a1.broker.test", names: "DNS:a*.broker.test").problem.contains("another host name")
        )
    }

    @Test func anotherNameIsAsked() async throws {
        let outcome = try await connect(to: "127.0.0.1", names: "DNS:broker.test") {
            TLSOptions(trust: .file($0.certificate), serverName: "broker.test")
        }
        #expect(outcome == Self.good)
    }

    @Test func expired() async throws {
        let outcome = try await connect(to: "broker.test", isExpired: true)
        #expect(
            outcome.problem.contains("the broker can't be trusted: the certificate has expired (OpenSSL:"),
            "\(outcome)"
        )
    }

    @Test func selfSigned() async throws {
        let problem = try await CertificateAuthority.withAuthority { authority in
            let context = try TLSContext(TLSOptions(trust: .file(authority.certificate)), host: "alone")
            return try await OpenSSLServer.withServer(authority.selfSigned("alone")) { server in
                try await Self.outcome(of: context, server).problem
            }
        }
        #expect(problem.contains("signed by itself, and is not trusted"), "\(problem)")
    }

    @Test func lessVerification() async throws {
        let byChain = try await connect(to: "other.test") {
            TLSOptions(trust: .file($0.certificate), verification: .noHostName)
        }
        #expect(byChain == Self.good)
        let wrongChain = try await connect(to: "other.test") { _ in TLSOptions(verification: .noHostName) }
        #expect(wrongChain.problem.contains("signed by nobody"), "\(wrongChain)")
        let none = try await connect(to: "other.test", isExpired: true) { _ in TLSOptions(verification: .none) }
        #expect(none == Self.good)
        let noHost = try await connect(to: "") { TLSOptions(trust: .file($0.certificate), verification: .noHostName) }
        #expect(noHost == Self.good)
    }

    @Test func aFailureIsForgottenByTheNextHandshake() async throws {
        let certificates = try await TestCertificates.shared
        let context = try TLSContext(TLSOptions(trust: .file(certificates.authority)), host: "localhost")
        try await OpenSSLServer.withServer(certificates.elsewhere) { _ = try await Self.outcome(of: context, $0) }
        #expect(context.failure?.hasPrefix(#"the certificate is for another host name: "elsewhere.test""#) == true)
        let outcome = try await OpenSSLServer.withServer(certificates.server) {
            try await Self.outcome(of: context, $0)
        }
        #expect(outcome == Self.good)
        #expect(context.failure == nil)
    }

    // MARK: The client's certificate

    @Test(arguments: ["-tls1_2", "-tls1_3"]) func aClientCertificateIsRequired(version: String) async throws {
        let certificates = try await TestCertificates.shared
        let (client, locked) = (certificates.client, certificates.lockedClient)
        let accepted: [TLSOptions.ClientCertificate] = [
            .init(chainFile: client.certificate, keyFile: client.key),
            .init(chainFile: locked.certificate, keyFile: locked.key, passPhrase: locked.passphrase),
        ]
        let options = ["-Verify", "1", "-CAfile", certificates.authority, version]
        try await OpenSSLServer.withServer(certificates.server, options: options) { server in
            func outcome(_ certificate: TLSOptions.ClientCertificate?) async throws -> Outcome {
                let tls = TLSOptions(trust: .file(certificates.authority), clientCertificate: certificate)
                return try await Self.outcome(of: TLSContext(tls, host: "localhost"), server)
            }
            guard case .failed(let code, let problem) = try await outcome(nil) else {
                Issue.record("no certificate was enough")
                return
            }
            #expect(code == .refused)
            #expect(problem.contains("alert") || problem.contains("certificate required"), "\(problem)")
            for certificate in accepted { #expect(try await outcome(certificate) == Self.good) }
        }
    }

    // MARK: Versions, ciphers, protocols

    @Test func anOlderVersionIsRefused() async throws {
        let outcome = try await connect(to: "broker.test", server: ["-tls1_2"]) {
            TLSOptions(trust: .file($0.certificate), minimumVersion: .tls13)
        }
        #expect(outcome.problem.contains("TLS with the broker failed"), "\(outcome)")
        let old = try await connect(to: "broker.test", server: ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
        #expect(old.problem.contains("TLS with the broker failed"), "\(old)")
    }

    @Test(arguments: [
        ("-tls1_2", "TLSv1.2, ECDHE-ECDSA-AES128-GCM-SHA256"), ("-tls1_3", "TLSv1.3, TLS_CHACHA20_POLY1305_SHA256"),
    ])
    func ciphersAndProtocols(version: String, summary: String) async throws {
        let certificates = try await TestCertificates.shared
        let options = TLSOptions(
            trust: .file(certificates.authority),
            ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256",
            cipherSuites: "TLS_CHACHA20_POLY1305_SHA256",
            applicationProtocols: ["mqtt", "y"]
        )
        let context = try TLSContext(options, host: "localhost")
        try await OpenSSLServer.withServer(certificates.server, options: ["-alpn", "x,mqtt", version]) { server in
            let client = try await TestClient(context, port: server.port)
            try await client.handshake()
            #expect(client.stream.summary == summary)
            #expect(client.stream.applicationProtocol == "mqtt")
        }
    }

    /// A cipher without certificates would make every server one that is trusted.
    @Test func ciphersWithoutCertificatesAreNotUsed() async throws {
        let outcome = try await connect(to: "broker.test", server: ["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"]) {
            TLSOptions(trust: .file($0.certificate), ciphers: "ALL:aNULL:@SECLEVEL=0")
        }
        #expect(outcome.problem.contains("TLS with the broker failed"), "\(outcome)")
    }
}
