import IntegrationSupport

/// A port of this machine whose bytes go on under TLS, by HAProxy, to a server whose certificate that checks.
final class TLSTunnel {
    let port: Int
    private let reserved: ReservedPort
    private let folder: TemporaryFolder
    private let program: ProgramRun

    init(to server: Int) async throws {
        reserved = try ReservedPort()
        port = reserved.number
        folder = try TemporaryFolder("tunnel")
        let settings = """
            defaults
              mode tcp
              timeout connect 10s
              timeout client 60s
              timeout server 60s
            listen tunnel
              bind 127.0.0.1:\(port)
              server one 127.0.0.1:\(server) ssl verify required ca-file \(try await TestCertificates.shared.authority)

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
