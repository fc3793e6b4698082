import Martlet
import MartletIO
import Testing

/// Whom a client trusts, with the `openssl` program as the server.
@Suite struct TLSVerificationTests {
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
        days: Int = 30,
        server: [String] = [],
        options: @escaping @Sendable (Authority) throws -> TLSOptions = { TLSOptions(trust: .file($0.file)) }
    ) async throws -> Outcome {
        try await onThread {
            let authority = try Authority()
            let process = try ServerProcess(try authority.issue("server", for: names, days: days), server)
            let context = try TLSContext(try options(authority), host: host)
            return Self.outcome(of: try TestClient(context, port: process.port), context)
        }
    }

    private static func outcome(of client: TestClient, _ context: TLSContext) -> Outcome {
        do {
            return .line(try client.exchange())
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
            TLSOptions(trust: .folder(try authority.hashedFolder()))
        }
        #expect(outcome == Self.good)
    }

    @Test func anotherAuthority() async throws {
        let outcome = try await onThread {
            let (authority, other) = (try Authority(), try Authority())
            let server = try ServerProcess(try authority.issue("server", for: "DNS:broker.test"))
            let context = try TLSContext(TLSOptions(trust: .file(other.file)), host: "broker.test")
            return Self.outcome(of: try TestClient(context, port: server.port), context)
        }
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
            TLSOptions(trust: .file($0.file), serverName: "broker.test")
        }
        #expect(outcome == Self.good)
    }

    @Test func expired() async throws {
        let outcome = try await connect(to: "broker.test", days: -1)
        #expect(
            outcome.problem.contains("the broker can't be trusted: the certificate has expired (OpenSSL:"),
            "\(outcome)"
        )
    }

    @Test func selfSigned() async throws {
        let problem = try await onThread {
            let authority = try Authority()
            let server = try ServerProcess(try authority.selfSigned("alone"))
            let context = try TLSContext(TLSOptions(trust: .file(authority.file)), host: "alone")
            return Self.outcome(of: try TestClient(context, port: server.port), context).problem
        }
        #expect(problem.contains("signed by itself, and is not trusted"), "\(problem)")
    }

    @Test func lessVerification() async throws {
        let byChain = try await connect(to: "other.test") {
            TLSOptions(trust: .file($0.file), verification: .noHostName)
        }
        #expect(byChain == Self.good)
        let wrongChain = try await connect(to: "other.test") { _ in TLSOptions(verification: .noHostName) }
        #expect(wrongChain.problem.contains("signed by nobody"), "\(wrongChain)")
        let none = try await connect(to: "other.test", days: -1) { _ in TLSOptions(verification: .none) }
        #expect(none == Self.good)
        let noHost = try await connect(to: "") { TLSOptions(trust: .file($0.file), verification: .noHostName) }
        #expect(noHost == Self.good)
    }

    @Test func aFailureIsForgottenByTheNextHandshake() async throws {
        let seen = try await onThread {
            let authority = try Authority()
            let bad = try ServerProcess(try authority.issue("bad", for: "DNS:other.test"))
            let good = try ServerProcess(try authority.issue("good", for: "DNS:broker.test"))
            let context = try TLSContext(TLSOptions(trust: .file(authority.file)), host: "broker.test")
            _ = Self.outcome(of: try TestClient(context, port: bad.port), context)
            let first = context.failure
            let outcome = Self.outcome(of: try TestClient(context, port: good.port), context)
            return (first, outcome, context.failure)
        }
        #expect(seen.0?.hasPrefix(#"the certificate is for another host name: "other.test""#) == true)
        #expect(seen.1 == Self.good)
        #expect(seen.2 == nil)
    }

    // MARK: The client's certificate

    @Test func aClientCertificateIsRequired() async throws {
        let outcome = try await onThread {
            let authority = try Authority()
            let files = try authority.issue("server", for: "DNS:broker.test")
            let client = try authority.issue("client", for: nil)
            let key = try authority.encrypted(client.key, with: "open sesame")
            var outcomes: [Outcome] = []
            for version in ["-tls1_2", "-tls1_3"] {
                let server = try ServerProcess(files, ["-Verify", "1", "-CAfile", authority.file, version])
                let certificates: [TLSOptions.ClientCertificate?] = [
                    nil, .init(chainFile: client.certificate, keyFile: client.key),
                    .init(chainFile: client.certificate, keyFile: key, passPhrase: "open sesame"),
                ]
                for certificate in certificates {
                    let options = TLSOptions(trust: .file(authority.file), clientCertificate: certificate)
                    let context = try TLSContext(options, host: "broker.test")
                    outcomes.append(Self.outcome(of: try TestClient(context, port: server.port), context))
                }
            }
            return outcomes
        }
        for index in [0, 3] {
            guard case .failed(let code, let problem) = outcome[index] else {
                Issue.record("\(outcome[index])")
                continue
            }
            #expect(code == .refused)
            #expect(problem.contains("alert") || problem.contains("certificate required"), "\(problem)")
        }
        for index in [1, 2, 4, 5] { #expect(outcome[index] == Self.good) }
    }

    // MARK: Versions, ciphers, protocols

    @Test func anOlderVersionIsRefused() async throws {
        let outcome = try await connect(to: "broker.test", server: ["-tls1_2"]) {
            TLSOptions(trust: .file($0.file), minimumVersion: .tls13)
        }
        #expect(outcome.problem.contains("TLS with the broker failed"), "\(outcome)")
        let old = try await connect(to: "broker.test", server: ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
        #expect(old.problem.contains("TLS with the broker failed"), "\(old)")
    }

    @Test func ciphersAndProtocols() async throws {
        let seen = try await onThread {
            let authority = try Authority()
            let files = try authority.issue("server", for: "DNS:broker.test")
            var seen: [String] = []
            for version in ["-tls1_2", "-tls1_3"] {
                let server = try ServerProcess(files, ["-alpn", "x,mqtt", version])
                let options = TLSOptions(
                    trust: .file(authority.file),
                    ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256",
                    cipherSuites: "TLS_CHACHA20_POLY1305_SHA256",
                    applicationProtocols: ["mqtt", "y"]
                )
                let client = try TestClient(try TLSContext(options, host: "broker.test"), port: server.port)
                try client.handshake()
                seen.append("\(client.stream.summary), \(client.stream.applicationProtocol ?? "none")")
            }
            return seen
        }
        #expect(
            seen == [
                "TLSv1.2, ECDHE-ECDSA-AES128-GCM-SHA256, mqtt", "TLSv1.3, TLS_CHACHA20_POLY1305_SHA256, mqtt",
            ]
        )
    }

    /// A cipher without certificates would make every server one that is trusted.
    @Test func ciphersWithoutCertificatesAreNotUsed() async throws {
        let outcome = try await connect(to: "broker.test", server: ["-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"]) {
            TLSOptions(trust: .file($0.file), ciphers: "ALL:aNULL:@SECLEVEL=0")
        }
        #expect(outcome.problem.contains("TLS with the broker failed"), "\(outcome)")
    }
}
