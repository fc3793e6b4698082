import IntegrationSupport

/// A port of this machine whose bytes go on to a server by HAProxy.
final class HAProxy {
    let port: Int
    private let reserved: ReservedPort
    private let folder: TemporaryFolder
    private let program: ProgramRun

    /// Goes on under TLS, and checks the server's certificate.
    convenience init(underTLSTo server: Int) async throws {
        try await self.init(to: server, "ssl verify required ca-file \(try await TestCertificates.shared.authority)")
    }

    /// - Parameter words: what HAProxy is told of the server besides.
    init(to server: Int, _ words: String) async throws {
        reserved = try ReservedPort()
        port = reserved.number
        folder = try TemporaryFolder("haproxy")
        let settings = """
            defaults
              mode tcp
              timeout connect 10s
              timeout client 60s
              timeout server 60s
            listen front
              bind 127.0.0.1:\(port)
              server one 127.0.0.1:\(server) \(words)

            """
        program = try ProgramRun(
            Program.find("haproxy", package: "haproxy"),
            ["-db", "-f", try folder.write(settings, to: "haproxy.cfg")]
        )
        while try await !Self.isThere(port) { try await Task.sleep(for: .milliseconds(10)) }
    }

    private static func isThere(_ port: Int) async throws -> Bool {
        let socket = try Socket.connecting(to: .loopback(port: port))
        try await socket.waitUntilWritable()
        if case .lost = socket.read() { return false }
        return true
    }

    deinit { folder.remove() }
}
