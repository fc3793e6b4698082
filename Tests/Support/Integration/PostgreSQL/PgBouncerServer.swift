import Foundation

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A PgBouncer (Debian's package `pgbouncer`) that lends each transaction one of a few sessions of a PostgreSQL server.
///
/// Like the server it refuses to run as root.
package final class PgBouncerServer: ControlledServer {
    package let process: ServerProcess
    private let reservation: ReservedPort

    /// The port on 127.0.0.1.
    package var port: Int { reservation.number }

    /// The URL of a database of the server behind it.
    package func url(_ database: String = "postgres") -> String {
        "postgres://\(PostgreSQLServer.user):open%20sesame@127.0.0.1:\(port)/\(database)"
    }

    private init(_ server: PostgreSQLServer, sessions: Int) throws {
        let program = try Program.find("pgbouncer", package: "pgbouncer")
        let folder = try TemporaryFolder("pgbouncer")
        let reservation = try ReservedPort()
        self.reservation = reservation
        let readiness = Readiness(
            address: .loopback(port: reservation.number),
            question: PostgreSQLServer.greeting
        ) { answer in answer.first.map { $0 == UInt8(ascii: "R") } }
        process = ServerProcess("pgbouncer", in: folder, readiness: readiness) { [port = reservation.number] in
            // It lets everybody in: to the server it is the one user that there is.
            let lines = """
                [databases]
                * = host=127.0.0.1 port=\(server.port) user=\(PostgreSQLServer.user) password='\(PostgreSQLServer.password)'
                [pgbouncer]
                listen_addr = 127.0.0.1
                listen_port = \(port)
                unix_socket_dir =
                auth_type = any
                pool_mode = transaction
                default_pool_size = \(sessions)

                """
            let file = try folder.write(lines, to: "pgbouncer.ini")
            if let user = PostgreSQLServer.serverUser {
                for path in [folder.path + "/..", folder.path] { chmod(path, 0o711) }
                chown(file, user.pw_uid, user.pw_gid)
            }
            let (command, arguments) = try PostgreSQLServer.unprivileged(program, [file])
            return Spawn(program: command, arguments: arguments, environment: Program.environment)
        }
    }

    /// Runs `body` with one before a server.
    ///
    /// - Parameter sessions: how many sessions of each of the server's databases it lends.
    package static func withServer<Result>(
        before server: PostgreSQLServer,
        sessions: Int,
        _ body: (PgBouncerServer) async throws -> Result
    ) async throws -> Result {
        try await PgBouncerServer(server, sessions: sessions).withRunning(body)
    }
}
