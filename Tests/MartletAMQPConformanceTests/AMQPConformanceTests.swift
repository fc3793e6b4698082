import IntegrationSupport
import Martlet
import MartletAMQP
import MartletTesting
import Testing

/// The connection keeps the promises of every connection, on a real broker.
@Suite(.timeLimit(.minutes(10))) struct AMQPConformanceTests {
    @Test(arguments: ConformanceSuite.checks)
    func keepsItsPromises(_ check: ConformanceCheck) async throws {
        let broker = try await RabbitMQServer.sharedSecured()
        try await run(check, port: broker.port) { _ in }
    }

    @Test(arguments: ConformanceSuite.checks)
    func keepsItsPromisesWithTLS(_ check: ConformanceCheck) async throws {
        let broker = try await RabbitMQServer.sharedSecured()
        let certificates = try await TestCertificates.shared
        let tls = TLSOptions(
            trust: .file(certificates.authority),
            clientCertificate: .init(chainFile: certificates.client.certificate, keyFile: certificates.client.key)
        )
        try await run(check, port: try #require(broker.tlsPort)) { $0.tls = tls }
    }

    /// The reply address as a queue of the connection's own.
    @Test(arguments: ConformanceSuite.calls + ConformanceSuite.replies + ConformanceSuite.streams)
    func keepsItsPromisesWithAReplyQueue(_ check: ConformanceCheck) async throws {
        let broker = try await RabbitMQServer.sharedSecured()
        try await run(check, port: broker.port) { $0.replies = .queue }
    }

    private func run(
        _ check: ConformanceCheck,
        port: Int,
        _ configure: @escaping @Sendable (inout AMQPOptions) -> Void
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
    _ configure: (inout AMQPOptions) -> Void
) async throws -> AMQPConnection {
    var options = AMQPOptions(servers: [.init(host: "127.0.0.1", port: port)], connection: connection)
    options.reconnect = Backoff(initial: .milliseconds(20), maximum: .milliseconds(200))
    // Hundreds of handshakes at the same time may take a small machine longer than the default.
    options.connectTimeout = .seconds(60)
    configure(&options)
    return try await AMQPConnection.connect(options)
}
