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
        let server = try await RedisServer.shared()
        try await run(check, port: server.port)
    }

    private func run(
        _ check: ConformanceCheck,
        port: Int,
        _ configure: @escaping @Sendable (inout RedisOptions) -> Void = { _ in }
    ) async throws {
        guard check.cutsLinks else {
            try await check.run { try await connect(to: port, $0, configure) }
            return
        }
        try await ProxyPool.withPool(of: 6, to: port) { pool in
            try await check.run { options in
                let proxy = try pool.take()
                let connection = try await connect(to: proxy.port, options, configure)
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

private func connect(
    to port: Int,
    _ connection: ConnectionOptions,
    _ configure: (inout RedisOptions) -> Void
) async throws -> RedisConnection {
    var options = RedisOptions(servers: [.tcp(host: "127.0.0.1", port: port)], connection: connection)
    options.reconnect = Backoff(initial: .milliseconds(20), maximum: .milliseconds(200))
    options.lease = .seconds(3)
    configure(&options)
    return try await RedisConnection.connect(options)
}
