import IntegrationSupport
import Martlet
import MartletRedis
import MartletTesting
import Testing

// The server's options have the same name.
import struct MartletRedis.RedisOptions

/// The connection keeps the promises of every connection, on a real server.
@Suite(.timeLimit(.minutes(10))) struct RedisConformanceTests {
    @Test(arguments: ConformanceSuite.checks)
    func keepsItsPromises(_ check: ConformanceCheck) async throws {
        try await run(check, port: RedisServer.shared().port)
    }

    @Test func keepsThemWithAPasswordInAnotherDatabase() async throws {
        var server = IntegrationSupport.RedisOptions()
        server.password = "other"
        server.users = ["alice on >secret ~* &* +@all"]
        try await RedisServer.withServer(server) { server in
            await runAll(port: server.port) { options in
                options.username = "alice"
                options.password = "secret"
                options.database = 3
            }
        }
    }

    @Test func keepsThemOverTLS() async throws {
        var server = IntegrationSupport.RedisOptions()
        server.tls = .mutual
        try await RedisServer.withServer(server) { server in
            let certificates = try await TestCertificates.shared
            let client = certificates.client
            await runAll(port: server.tlsPort ?? 0) { options in
                options.tls = TLSOptions(trust: .file(certificates.authority))
                options.tls?.clientCertificate = .init(chainFile: client.certificate, keyFile: client.key)
            }
        }
    }

    @Test func keepsThemOnAUnixSocket() async throws {
        var server = IntegrationSupport.RedisOptions()
        server.listensOnUnixSocket = true
        try await RedisServer.withServer(server) { server in
            let path = server.unixSocket ?? ""
            // There is no network that could be cut.
            await runAll(ConformanceSuite.checks.filter { !$0.cutsLinks }, port: server.port) { options in
                options.servers = [.unix(path: path)]
            }
        }
    }

    /// Runs several checks at a time, each of which may fail.
    private func runAll(
        _ checks: [ConformanceCheck] = ConformanceSuite.checks,
        port: Int,
        _ configure: @escaping @Sendable (inout RedisOptions) -> Void
    ) async {
        await withTaskGroup(of: Void.self) { group in
            for (index, check) in checks.enumerated() {
                if index >= 6 { await group.next() }
                group.addTask {
                    do {
                        try await run(check, port: port, configure)
                    } catch {
                        Issue.record(error, "\(check)")
                    }
                }
            }
        }
    }

    private func run(
        _ check: ConformanceCheck,
        port: Int,
        _ configure: @escaping @Sendable (inout RedisOptions) -> Void = { _ in }
    ) async throws {
        guard check.cutsLinks else {
            try await check.run { try await redis(on: port, $0, configure) }
            return
        }
        try await ProxyPool.withPool(of: 6, to: port) { pool in
            try await check.run { options in
                let proxy = try pool.take()
                let connection = try await redis(on: proxy.port, options, configure)
                return try FaultyConnection(
                    wrapping: connection,
                    seed: 0,
                    faults: Faults(),
                    link: LinkSwitch {
                        try await proxy.refuseConnections()
                        try await proxy.cut()
                    } restore: {
                        try await proxy.acceptConnections()
                    }
                )
            }
        }
    }
}
