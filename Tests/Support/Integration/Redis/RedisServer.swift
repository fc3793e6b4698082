/// A Redis server (Debian's package `redis-server`).
package final class RedisServer: ControlledServer {
    package let process: ServerProcess
    /// What the server was set up with.
    package let options: RedisOptions
    private let client: String
    private let plain: ReservedPort
    private let encrypted: ReservedPort?
    /// The port on which nodes of a cluster talk to each other.
    private let bus: ReservedPort?

    /// The plain port.
    package var port: Int { plain.number }

    /// The TLS port, if there is one.
    package var tlsPort: Int? { encrypted?.number }

    /// The path of the Unix socket, if there is one.
    package var unixSocket: String? { options.listensOnUnixSocket ? folder.path("socket") : nil }

    /// A server that does not run yet.
    package init(_ options: RedisOptions = RedisOptions()) throws {
        let program = try Program.find("redis-server", package: "redis-server")
        client = try Program.find("redis-cli", package: "redis-tools")
        let folder = try TemporaryFolder("redis")
        plain = try ReservedPort()
        encrypted = try options.tls.map { _ in try ReservedPort() }
        bus = options.isClusterNode ? try ReservedPort() : nil
        self.options = options
        let readiness = Readiness(address: .loopback(port: plain.number), question: Array("PING\r\n".utf8)) { answer in
            // While it reads its file, it answers with an error; without a password, with another one.
            guard let line = Self.firstLine(answer) else { return nil }
            return line == "+PONG" || line.hasPrefix("-NOAUTH")
        }
        process = ServerProcess("redis-server", in: folder, readiness: readiness) { [plain, encrypted, bus] in
            let lines = try await Self.configuration(
                options,
                plain: plain,
                encrypted: encrypted,
                bus: bus,
                folder: folder
            )
            let file = try folder.write(lines.joined(separator: "\n") + "\n", to: "redis.conf")
            return Spawn(program: program, arguments: [file], environment: Program.environment)
        }
    }

    /// Runs `body` with a server of its own, which ends with it.
    package static func withServer<Result>(
        _ options: RedisOptions = RedisOptions(),
        _ body: (RedisServer) async throws -> Result
    ) async throws -> Result {
        try await RedisServer(options).withRunning(body)
    }

    /// The server, without persistence or password, that all suites of this process share. Don't end or pause it, and use
    /// names of your own.
    package static func shared() async throws -> RedisServer { try await sharedServer { try RedisServer() } }

    private static let sharedServer = SharedServer<RedisServer>()

    /// Where the other nodes of a cluster speak to it.
    package var busPort: Int? { bus.map { Int($0.number) } }

    /// Has `redis-cli` run a command, such as `"CLIENT", "KILL", "TYPE", "pubsub"`, and returns its answer, without the
    /// line's end.
    ///
    /// - Throws: ``ServerError`` with the answer if that is an error.
    @discardableResult
    package func command(_ arguments: String...) async throws -> String {
        let environment = options.password.map { ["REDISCLI_AUTH": $0] } ?? [:]
        let address = ["-e", "-h", "127.0.0.1", "-p", "\(port)"]
        let answer = try await Program.run(client, address + arguments, environment: environment)
        return answer.hasSuffix("\n") ? String(answer.dropLast()) : answer
    }

    private static func firstLine(_ bytes: [UInt8]) -> String? {
        bytes.firstIndex(of: UInt8(ascii: "\r")).map { String(decoding: bytes[..<$0], as: UTF8.self) }
    }

    private static func configuration(
        _ options: RedisOptions,
        plain: ReservedPort,
        encrypted: ReservedPort?,
        bus: ReservedPort?,
        folder: TemporaryFolder
    ) async throws -> [String] {
        var lines = [
            "bind 127.0.0.1\(options.listensOnIPv6 ? " ::1" : "")", "port \(plain.number)", "dir \(folder.path)",
            "save \"\"", "daemonize no", "set-proc-title no", "enable-debug-command yes",
        ]
        if options.isPersistent { lines += ["appendonly yes", "appendfsync always"] }
        if let password = options.password { lines.append("requirepass \"\(password)\"") }
        lines += options.users.map { "user \($0)" }
        if let encrypted, let tls = options.tls {
            let certificates = try await TestCertificates.shared
            let identity = certificates[keyPath: options.certificate]
            lines += [
                "tls-port \(encrypted.number)", "tls-cert-file \(identity.certificate)",
                "tls-key-file \(identity.key)", "tls-ca-cert-file \(certificates.authority)",
                "tls-auth-clients \(tls == .mutual ? "yes" : "no")",
            ]
        }
        if options.listensOnUnixSocket { lines.append("unixsocket \(folder.path("socket"))") }
        if let limit = options.maximumMemory { lines += ["maxmemory \(limit)", "maxmemory-policy noeviction"] }
        if let limit = options.subscriberBufferLimit { lines.append("client-output-buffer-limit pubsub \(limit) 0 0") }
        if let bus {
            lines += [
                "cluster-enabled yes", "cluster-port \(bus.number)", "cluster-node-timeout 5000",
                "repl-diskless-sync-delay 0",
            ]
        }
        return lines + options.extraLines
    }
}
