import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A PostgreSQL server (Debian's package `postgresql`), with a folder and a port of its own.
///
/// It refuses to run as root, so there it runs as the user `postgres`, which the package makes.
package final class PostgreSQLServer: ControlledServer {
    package let process: ServerProcess
    private let reservation: ReservedPort
    private let programs: String

    /// The port on 127.0.0.1 and ::1.
    package var port: Int { reservation.number }

    /// Whom the server lets in, with this password (SCRAM).
    package static let user = "martlet"
    package static let password = "open sesame"

    /// The folder of the server's Unix socket.
    package var socketFolder: String { folder.path("data") }

    /// The URL of a database.
    package func url(_ database: String = "postgres", port: Int? = nil) -> String {
        "postgres://\(Self.user):open%20sesame@127.0.0.1:\(port ?? self.port)/\(database)"
    }

    /// A server that does not run yet.
    ///
    /// - Parameters:
    ///   - identity: the certificate that it shows; without one it has no TLS.
    ///   - lines: more lines for postgresql.conf.
    package init(
        identity: (any KeyPath<TestCertificates, TestCertificates.Identity> & Sendable)? = nil,
        lines: [String] = []
    ) throws {
        programs = try Self.programs()
        let folder = try TemporaryFolder("postgres")
        let reservation = try ReservedPort()
        self.reservation = reservation
        // It asks for a password when it takes connections; until then it answers with an error.
        let readiness = Readiness(
            address: .loopback(port: reservation.number),
            question: Self.greeting
        ) { answer in answer.first.map { $0 == UInt8(ascii: "R") } }
        process = ServerProcess("postgres", in: folder, readiness: readiness) { [programs, port = reservation.number] in
            if !FileManager.default.fileExists(atPath: folder.path("data")) {
                try await Self.create(folder, programs: programs, port: port, identity: identity, lines: lines)
            }
            let (program, arguments) = try Self.unprivileged("\(programs)/postgres", ["-D", folder.path("data")])
            return Spawn(program: program, arguments: arguments, environment: Program.environment)
        }
    }

    /// What a client of PostgreSQL's protocol begins with: the version 3.0, and who it is.
    static var greeting: [UInt8] {
        let content: [UInt8] = [0, 3, 0, 0] + Array("user\0\(user)\0database\0postgres\0\0".utf8)
        return [0, 0, 0, UInt8(content.count + 4)] + content
    }

    /// Runs `body` with a server of its own, which ends with it.
    package static func withServer<Result>(
        identity: (any KeyPath<TestCertificates, TestCertificates.Identity> & Sendable)? = nil,
        lines: [String] = [],
        _ body: (PostgreSQLServer) async throws -> Result
    ) async throws -> Result {
        try await PostgreSQLServer(identity: identity, lines: lines).withRunning(body)
    }

    /// The server that all suites of this process share. Don't end or pause it, and make databases of your own.
    package static func shared() async throws -> PostgreSQLServer { try await sharedServer { try PostgreSQLServer() } }

    private static let sharedServer = SharedServer<PostgreSQLServer>()

    /// Has `psql` run a statement and returns what it prints, without the line's end.
    @discardableResult
    package func psql(_ statement: String, database: String = "postgres") async throws -> String {
        let output = try await Program.run(
            "\(programs)/psql",
            ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url(database), "-c", statement],
            environment: ["PGAPPNAME": "psql"]
        )
        return output.hasSuffix("\n") ? String(output.dropLast()) : output
    }

    /// Ends the server as a power failure would, and starts it again. What served its links goes a moment later.
    package func restartAfterCrash() async throws {
        kill()
        for _ in 0..<200 {
            do { return try await start() } catch is ServerError {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        try await start()
    }

    // MARK: The folder

    private static func create(
        _ folder: TemporaryFolder,
        programs: String,
        port: Int,
        identity: (any KeyPath<TestCertificates, TestCertificates.Identity> & Sendable)?,
        lines: [String]
    ) async throws {
        let data = folder.path("data")
        let password = try folder.write(Self.password, to: "password")
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: false)
        if let user = serverUser {
            // It has to get to its folder, past those of this process.
            for path in [folder.path + "/..", folder.path] { chmod(path, 0o711) }
            for path in [data, password] { chown(path, user.pw_uid, user.pw_gid) }
        }
        chmod(data, 0o700)
        let (program, arguments) = try unprivileged(
            "\(programs)/initdb",
            [
                "-D", data, "-U", Self.user, "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8", "--locale", "C",
                "-N",
            ]
        )
        try await Program.run(program, arguments)
        var settings = [
            "port = \(port)", "listen_addresses = '127.0.0.1, ::1'", "unix_socket_directories = '\(data)'",
            // A killed process does not lose what it has written; that is what tests do to it.
            "fsync = off", "log_min_messages = warning", "max_connections = 150",
            // To compile a statement takes longer than most of them run here, and can't be stopped meanwhile.
            "jit = off",
            // A server that is killed leaves whoever computes at it, and notices nothing until it is done. That is a process
            // of a session of its own, which nobody kills with the server; so it looks for its client, and ends with it.
            "statement_timeout = '10min'", "max_parallel_workers_per_gather = 0",
        ]
        #if os(Linux)
        settings.append("client_connection_check_interval = '500ms'")
        #endif
        if let identity {
            let certificate = try await TestCertificates.shared[keyPath: identity]
            for (source, name) in [(certificate.certificate, "server.crt"), (certificate.key, "server.key")] {
                try FileManager.default.copyItem(atPath: source, toPath: "\(data)/\(name)")
                chmod("\(data)/\(name)", 0o600)
                if let user = serverUser { chown("\(data)/\(name)", user.pw_uid, user.pw_gid) }
            }
            settings.append("ssl = on")
        }
        let file = "\(data)/postgresql.conf"
        let text = try String(contentsOfFile: file, encoding: .utf8) + (settings + lines).joined(separator: "\n") + "\n"
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        if let user = serverUser { chown(file, user.pw_uid, user.pw_gid) }
    }

    /// The user that the server runs as where this process is root; `nil` elsewhere.
    static var serverUser: passwd? { geteuid() == 0 ? getpwnam("postgres")?.pointee : nil }

    static func unprivileged(_ program: String, _ arguments: [String]) throws -> (String, [String]) {
        guard geteuid() == 0 else { return (program, arguments) }
        guard let user = serverUser else {
            throw ServerError(
                "There is no user 'postgres'. Debian's package postgresql makes it: Tests/run installs it"
            )
        }
        let options = ["--reuid=\(user.pw_uid)", "--regid=\(user.pw_gid)", "--clear-groups", program]
        return (try Program.find("setpriv", package: "util-linux"), options + arguments)
    }

    /// Debian keeps them in a folder of each version.
    private static func programs() throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let newest = versions.compactMap { Int($0) }.max()
        if let newest, FileManager.default.isExecutableFile(atPath: "\(root)/\(newest)/bin/postgres") {
            return "\(root)/\(newest)/bin"
        }
        let program = try Program.find("postgres", package: "postgresql")
        return URL(fileURLWithPath: program).deletingLastPathComponent().path
    }
}
