/// The program `openssl` as a TLS server. It sends back each line that it gets, the wrong way round, and serves one client
/// after the other.
package final class OpenSSLServer: ControlledServer {
    package let process: ServerProcess
    private let reserved: ReservedPort

    /// The port on 127.0.0.1.
    package var port: Int { reserved.number }

    /// A server that does not run yet.
    ///
    /// - Parameters:
    ///   - connections: After how many connections it ends by itself; with `nil` it never does.
    ///   - options: More options of `openssl s_server`.
    package init(
        _ identity: TestCertificates.Identity,
        connections: Int? = nil,
        options: [String] = []
    ) throws {
        let program = try Program.find("openssl", package: "openssl")
        let reserved = try ReservedPort()
        let certificate = ["-cert", identity.certificate, "-key", identity.key]
        // A server that is told a name writes down the one that the client tells it.
        let other = ["-servername", "shown", "-cert2", identity.certificate, "-key2", identity.key]
        // The first connection is that which shows that it is ready.
        let limit = connections.map { ["-naccept", "\($0 + 1)"] } ?? []
        let arguments =
            ["s_server", "-accept", "127.0.0.1:\(reserved.number)", "-rev"] + certificate + other + limit + options
        process = ServerProcess(
            "openssl",
            in: try TemporaryFolder("openssl"),
            readiness: Readiness(address: .loopback(port: reserved.number))
        ) {
            Spawn(program: program, arguments: arguments, environment: Program.environment)
        }
        self.reserved = reserved
    }

    /// Runs `body` with a server of its own, which ends with it.
    package static func withServer<Result>(
        _ identity: TestCertificates.Identity,
        connections: Int? = nil,
        options: [String] = [],
        _ body: (OpenSSLServer) async throws -> Result
    ) async throws -> Result {
        try await OpenSSLServer(identity, connections: connections, options: options).withRunning(body)
    }

    /// The host names that clients have told the server. This waits until the server has ended by itself: it says all that
    /// it has to say only then.
    package func namesTold() async throws -> [String] {
        try await process.waitForEnd()
        let mark = "Hostname in TLS extension: \""
        return log.split(separator: "\n").compactMap { line in
            line.hasPrefix(mark) ? String(line.dropFirst(mark.count).prefix { $0 != "\"" }) : nil
        }
    }
}
