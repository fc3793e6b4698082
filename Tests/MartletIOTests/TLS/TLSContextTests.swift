import COpenSSL
import Foundation
import Martlet
import MartletIO
import Testing

@Suite struct TLSContextTests {
    /// The message of the error that options lead to.
    private static func message(_ options: TLSOptions, host: String = "broker.test") -> String {
        do {
            _ = try TLSContext(options, host: host)
            return "none"
        } catch let error as MessagingError {
            return error.code == .invalidArgument ? error.message : "\(error)"
        } catch {
            return "\(error)"
        }
    }

    @Test(arguments: [
        (TLSOptions(trust: .file("/nowhere/ca.pem")), ["trust", "/nowhere/ca.pem", "No such file"]),
        (TLSOptions(trust: .file("/")), ["trust", "\"/\""]),
        (TLSOptions(trust: .file("/dev/null")), ["trust", "/dev/null", "no certificate or crl found"]),
        (TLSOptions(trust: .file("/a\0b")), ["trust", "U+0"]),
        (TLSOptions(trust: .folder("/nowhere")), ["trust", "/nowhere", "No such file"]),
        (TLSOptions(trust: .folder("/dev")), ["trust", "/dev", "openssl rehash"]),
        (
            TLSOptions(clientCertificate: .init(chainFile: "/nowhere/c.pem")),
            ["clientCertificate", "/nowhere/c.pem", "No such"]
        ),
        (
            TLSOptions(clientCertificate: .init(chainFile: "/dev/null")),
            ["certificate file", "/dev/null", "no start line"]
        ),
        (TLSOptions(ciphers: "ECDHE+AESGCM:misspelt"), ["ciphers", "\"misspelt\"", "no cipher match"]),
        (TLSOptions(ciphers: ""), ["ciphers", "empty"]),
        (TLSOptions(ciphers: "aNULL:@SECLEVEL=0"), ["ciphers", "no cipher match"]),
        (TLSOptions(cipherSuites: "TLS_AES_128_GCM_SHA256:TLS_NOT"), ["cipherSuites", "\"TLS_NOT\""]),
        (TLSOptions(cipherSuites: ":"), ["cipherSuites", "empty"]),
        (TLSOptions(applicationProtocols: [""]), ["applicationProtocols", "1 to 255 bytes"]),
        (TLSOptions(applicationProtocols: [String(repeating: "a", count: 256)]), ["applicationProtocols", "1 to 255"]),
        (
            TLSOptions(applicationProtocols: Array(repeating: "abc", count: 20_000)),
            ["applicationProtocols", "80000 bytes"]
        ),
        (TLSOptions(serverName: "a b"), ["a b", "not a name"]),
        (TLSOptions(serverName: "a\0b"), ["not a name"]), (TLSOptions(serverName: "grüße.test"), ["xn--"]),
        (TLSOptions(serverName: "."), ["not a name"]),
        (TLSOptions(serverName: String(repeating: "a", count: 256)), ["not a name"]),
        (TLSOptions(serverName: ""), ["no host"]),
    ])
    func wrongOptionsAreNamed(options: TLSOptions, parts: [String]) {
        let message = Self.message(options)
        for part in parts { #expect(message.contains(part), "\(message)") }
        #expect(message.count < 400)
    }

    @Test func wrongKeysAreNamed() async throws {
        let messages = try await onThread {
            let authority = try Authority()
            let (one, two) = (try authority.issue("one", for: nil), try authority.issue("two", for: nil))
            let encrypted = try authority.encrypted(one.key, with: "open sesame")
            let certificates: [TLSOptions.ClientCertificate] = [
                .init(chainFile: one.certificate, keyFile: encrypted, passPhrase: "secret"),
                .init(chainFile: one.certificate, keyFile: encrypted, passPhrase: ""),
                .init(
                    chainFile: one.certificate,
                    keyFile: encrypted,
                    passPhrase: String(repeating: "secret", count: 9_999)
                ),
                .init(chainFile: one.certificate, keyFile: encrypted),
                .init(chainFile: one.certificate, keyFile: two.key),
                .init(chainFile: one.certificate),
                .init(chainFile: one.certificate, keyFile: "/nowhere"),
                .init(chainFile: one.certificate, keyFile: one.key, passPhrase: "not needed"),
            ]
            return certificates.map { Self.message(TLSOptions(clientCertificate: $0)) }
        }
        #expect(messages[0].contains("one.key.encrypted\" with the pass phrase given can't be used"), "\(messages[0])")
        #expect(messages[1].contains("with the pass phrase given"), "\(messages[1])")
        #expect(messages[2].contains("with the pass phrase given"), "\(messages[2])")
        #expect(messages[3].contains("there is no pass phrase"), "\(messages[3])")
        #expect(messages[4].contains("two.key") && messages[4].contains("key values mismatch"), "\(messages[4])")
        #expect(
            messages[5].contains("one.pem") && messages[5].contains("no private key in the PEM format"),
            "\(messages[5])"
        )
        #expect(messages[6].contains("/nowhere") && messages[6].contains("No such file"), "\(messages[6])")
        #expect(messages[7] == "none")
        for message in messages { #expect(!message.contains("secret")) }
    }

    // MARK: As C libraries use it

    /// A handshake as a library makes it that connects to an address and tells the server that.
    private static func libraryHandshake(_ context: OpaquePointer, port: UInt16, naming name: String) throws -> Bool {
        let descriptor = try TestClient.connect(port)
        defer { close(descriptor) }
        guard let session = SSL_new(context) else { throw SupportError("SSL_new") }
        defer { SSL_free(session) }
        SSL_set_fd(session, descriptor)
        _ = martlet_SSL_set_tlsext_host_name(session, name)
        return SSL_connect(session) == 1
    }

    @Test func theServerIsToldTheHostAndNotTheAddress() async throws {
        let seen = try await onThread {
            let authority = try Authority()
            let files = try authority.issue("server", for: "DNS:broker.test")
            var seen: [[String]] = []
            for version in ["-tls1_2", "-tls1_3"] {
                let server = try ServerProcess(files, [version, "-naccept", "1"])
                let context = try TLSContext(TLSOptions(trust: .file(authority.file)), host: "broker.test.")
                guard try Self.libraryHandshake(context.handle, port: server.port, naming: "127.0.0.1") else {
                    throw SupportError(context.failure ?? "no reason")
                }
                seen.append(try server.serverNames())
            }
            return seen
        }
        #expect(seen == [["broker.test"], ["broker.test"]])
    }

    @Test func anAddressIsNotTold() async throws {
        let seen = try await onThread {
            let authority = try Authority()
            let server = try ServerProcess(try authority.issue("server", for: "IP:127.0.0.1"), ["-naccept", "1"])
            let context = try TLSContext(TLSOptions(trust: .file(authority.file)), host: "127.0.0.1")
            guard try Self.libraryHandshake(context.handle, port: server.port, naming: "127.0.0.1") else {
                throw SupportError(context.failure ?? "no reason")
            }
            return try server.serverNames()
        }
        #expect(seen == [])
    }

    @Test func aNameThatTheCertificateIsNotForIsRefusedWhateverTheLibraryTells() async throws {
        let failure = try await onThread {
            let authority = try Authority()
            let server = try ServerProcess(try authority.issue("server", for: "DNS:broker.test, IP:127.0.0.1"))
            let context = try TLSContext(TLSOptions(trust: .file(authority.file)), host: "other.test")
            let isDone = try Self.libraryHandshake(context.handle, port: server.port, naming: "broker.test")
            return isDone ? "done" : context.failure
        }
        #expect(failure?.contains("another host name") == true)
    }

    /// What the callbacks need lives as long as the context, not as long as the object that set it up. The address
    /// sanitizer sees whether it does.
    @Test func aLibraryMayKeepTheContext() async throws {
        let results = try await onThread {
            let authority = try Authority()
            let server = try ServerProcess(try authority.issue("server", for: "DNS:broker.test"))
            var results: [Bool] = []
            for host in ["broker.test", "other.test"] {
                let kept = try TLSContext(TLSOptions(trust: .file(authority.file)), host: host).handleKept()
                defer { SSL_CTX_free(kept) }
                results.append(try Self.libraryHandshake(kept, port: server.port, naming: "127.0.0.1"))
            }
            return results
        }
        #expect(results == [true, false])
    }

    @Test func aLibrarysContextIsSetUp() async throws {
        let results = try await onThread {
            let authority = try Authority()
            let server = try ServerProcess(try authority.issue("server", for: "DNS:broker.test"), ["-naccept", "2"])
            guard let librarys = SSL_CTX_new(TLS_client_method()) else { throw SupportError("SSL_CTX_new") }
            defer { SSL_CTX_free(librarys) }
            let options = TLSOptions(trust: .file(authority.file))
            let wrong = try TLSContext(options, host: "other.test", setting: librarys)
            let isWrongDone = try Self.libraryHandshake(librarys, port: server.port, naming: "127.0.0.1")
            // Set up again: the record of the first time is let go, and it no longer learns anything.
            let right = try TLSContext(options, host: "broker.test", setting: librarys)
            let isRightDone = try Self.libraryHandshake(librarys, port: server.port, naming: "127.0.0.1")
            return (isWrongDone, wrong.failure != nil, isRightDone, right.failure, try server.serverNames())
        }
        #expect(results.0 == false)
        #expect(results.1)
        #expect(results.2)
        #expect(results.3 == nil)
        #expect(results.4 == ["other.test", "broker.test"])
    }
}

extension TLSContext {
    /// The context with a reference that the caller owns.
    fileprivate func handleKept() -> OpaquePointer {
        SSL_CTX_up_ref(handle)
        return handle
    }
}
