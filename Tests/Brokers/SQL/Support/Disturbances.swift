import Foundation
import IntegrationSupport

/// What happens to a server and to the links to it, one thing after the other.
struct Disturbances {
    private let server: PostgreSQLServer
    private let proxy: TCPProxy
    private var round = 0
    private(set) var counts: [String: Int] = [:]

    init(_ server: PostgreSQLServer, _ proxy: TCPProxy) {
        self.server = server
        self.proxy = proxy
    }

    /// Does the next one.
    mutating func next() async throws {
        round += 1
        if round % 50 == 0 {
            counts["server killed", default: 0] += 1
            try await server.restartAfterCrash()
        } else if round % 20 == 0 {
            // The server then ends all of its sessions, and starts over.
            let backends = """
                SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1
                """
            if let backend = try? await server.psql(backends), let process = Int32(backend) {
                counts["backend killed", default: 0] += 1
                kill(process, SIGKILL)
            }
        } else {
            // After more bytes each time, so that there is a cut between all messages of a transaction, and in them.
            let direction: ProxyDirection = round % 2 == 0 ? .toServer : .toClient
            counts["link cut", default: 0] += 1
            proxy.cut(round % 3 == 0 ? .reset : .close, after: 1 + round * 37 % 2_600, direction)
        }
    }
}
