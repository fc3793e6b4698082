import COpenSSL
import IntegrationSupport
import Martlet
import MartletTransport
import Testing

@Suite(.timeLimit(.minutes(10))) struct TLSContextTests {
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
        let certificates = try await TestCertificates.shared
        let (plain, locked) = (certificates.client, certificates.lockedClient)
        let wrong: [TLSOptions.ClientCertificate] = [
            .init(chainFile: locked.certificate, keyFile: locked.key, passPhrase: "secret"),
            .init(chainFile: locked.certificate, keyFile: locked.key, passPhrase: ""),
            .init(
                chainFile: locked.certificate,
                keyFile: locked.key,
                passPhrase: String(repeating: "secret", count: 9_999)
            ),
            .init(chainFile: locked.certificate, keyFile: locked.key),
            .init(chainFile: plain.certificate, keyFile: certificates.strangeClient.key),
            .init(chainFile: plain.certificate),
            .init(chainFile: plain.certificate, keyFile: "/nowhere"),
            .init(chainFile: plain.certificate, keyFile: plain.key, passPhrase: "not needed"),
        ]
        let messages = wrong.map { Self.message(TLSOptions(clientCertificate: $0)) }
        #expect(messages[0].contains("\(locked.key)\" with the pass phrase given can't be used"), "\(messages[0])")
        #expect(messages[1].contains("with the pass phrase given"), "\(messages[1])")
        #expect(messages[2].contains("with the pass phrase given"), "\(messages[2])")
        #expect(messages[3].contains("there is no pass phrase"), "\(messages[3])")
        #expect(
            messages[4].contains(certificates.strangeClient.key) && messages[4].contains("key values mismatch"),
            "\(messages[4])"
        )
        #expect(
            messages[5].contains(plain.certificate) && messages[5].contains("no private key in the PEM format"),
            "\(messages[5])"
        )
        #expect(messages[6].contains("/nowhere") && messages[6].contains("No such file"), "\(messages[6])")
        #expect(messages[7] == "none")
        for message in messages { #expect(!message.contains("secret")) }
    }

    // MARK: As C libraries use it

    /// A handshake as a library makes it that connects to an address and tells the server that.
    private static func libraryHandshake(_ context: OpaquePointer, _ server: OpenSSLServer, naming name: String)
        async throws -> Bool
    {
        let socket = try Socket.connecting(to: .loopback(port: server.port))
        try await socket.waitUntilWritable()
        guard let session = SSL_new(context) else { throw SupportError("SSL_new") }
        defer { SSL_free(session) }
        SSL_set_fd(session, socket.descriptor)
        _ = martlet_SSL_set_tlsext_host_name(session, name)
        while true {
            // Its error is the thread's, and what waits may go on on another one.
            ERR_clear_error()
            let result = SSL_connect(session)
            if result == 1 { return true }
            switch SSL_get_error(session, result) {
            case SSL_ERROR_WANT_READ: try await socket.waitUntilReadable()
            case SSL_ERROR_WANT_WRITE: try await socket.waitUntilWritable()
            default: return false
            }
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func theServerIsToldTheHostAndNotTheAddress(version: String) async throws {
        let certificates = try await TestCertificates.shared
        let context = try TLSContext(TLSOptions(trust: .file(certificates.authority)), host: "elsewhere.test.")
        try await OpenSSLServer.withServer(certificates.elsewhere, connections: 1, options: [version]) { server in
            let isDone = try await Self.libraryHandshake(context.handle, server, naming: "127.0.0.1")
            #expect(isDone, "\(context.failure ?? "no reason")")
            #expect(try await server.namesTold() == ["elsewhere.test"])
        }
    }

    @Test func anAddressIsNotTold() async throws {
        let certificates = try await TestCertificates.shared
        let context = try TLSContext(TLSOptions(trust: .file(certificates.authority)), host: "127.0.0.1")
        try await OpenSSLServer.withServer(certificates.server, connections: 1) { server in
            let isDone = try await Self.libraryHandshake(context.handle, server, naming: "127.0.0.1")
            #expect(isDone, "\(context.failure ?? "no reason")")
            #expect(try await server.namesTold() == [])
        }
    }

    @Test func aNameThatTheCertificateIsNotForIsRefusedWhateverTheLibraryTells() async throws {
        let certificates = try await TestCertificates.shared
        let context = try TLSContext(TLSOptions(trust: .file(certificates.authority)), host: "other.test")
        try await OpenSSLServer.withServer(certificates.server) { server in
            let isDone = try await Self.libraryHandshake(context.handle, server, naming: "localhost")
            #expect(!isDone)
            #expect(context.failure?.contains("another host name") == true)
        }
    }

    /// What the callbacks need lives as long as the context, not as long as the object that set it up. The address
    /// sanitizer sees whether it does.
    @Test func aLibraryMayKeepTheContext() async throws {
        let certificates = try await TestCertificates.shared
        try await OpenSSLServer.withServer(certificates.server) { server in
            for host in ["localhost", "other.test"] {
                let options = TLSOptions(trust: .file(certificates.authority))
                let kept = try TLSContext(options, host: host).handleKept()
                defer { SSL_CTX_free(kept) }
                let isDone = try await Self.libraryHandshake(kept, server, naming: "127.0.0.1")
                #expect(isDone == (host == "localhost"))
            }
        }
    }

    @Test func aLibrarysContextIsSetUp() async throws {
        let certificates = try await TestCertificates.shared
        try await OpenSSLServer.withServer(certificates.server, connections: 2) { server in
            guard let librarys = SSL_CTX_new(TLS_client_method()) else { throw SupportError("SSL_CTX_new") }
            defer { SSL_CTX_free(librarys) }
            let options = TLSOptions(trust: .file(certificates.authority))
            let wrong = try TLSContext(options, host: "other.test", setting: librarys)
            let isWrongDone = try await Self.libraryHandshake(librarys, server, naming: "127.0.0.1")
            #expect(!isWrongDone)
            #expect(wrong.failure != nil)
            // Set up again: the record of the first time is let go, and it no longer learns anything.
            let right = try TLSContext(options, host: "localhost", setting: librarys)
            let isRightDone = try await Self.libraryHandshake(librarys, server, naming: "127.0.0.1")
            #expect(isRightDone)
            #expect(right.failure == nil)
            #expect(try await server.namesTold() == ["other.test", "localhost"])
        }
    }
}

extension TLSContext {
    /// The context with a reference that the caller owns.
    fileprivate func handleKept() -> OpaquePointer {
        SSL_CTX_up_ref(handle)
        return handle
    }
}
