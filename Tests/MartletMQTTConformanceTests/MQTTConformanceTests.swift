import IntegrationSupport
import Martlet
import MartletMQTT
import MartletTesting
import Testing

/// The connection keeps the promises of every connection, on a real broker.
@Suite(.timeLimit(.minutes(10))) struct MQTTConformanceTests {
    @Test(arguments: MQTTVersion.allCases, ConformanceSuite.checks)
    func keepsItsPromises(_ version: MQTTVersion, _ check: ConformanceCheck) async throws {
        let broker = try await MosquittoServer.shared()
        try await run(check, port: broker.port) { $0.version = version }
    }

    @Test(arguments: MQTTVersion.allCases, ConformanceSuite.checks)
    func keepsItsPromisesUnderTLSWithAPassword(_ version: MQTTVersion, _ check: ConformanceCheck) async throws {
        let broker = try await MosquittoServer.sharedSecured()
        let authority = try await TestCertificates.shared.authority
        try await run(check, port: try #require(broker.tlsPort)) {
            $0.version = version
            $0.username = "alice"
            $0.password = "sesame"
            $0.tls = TLSOptions(trust: .file(authority))
        }
    }

    private func run(
        _ check: ConformanceCheck,
        port: Int,
        _ configure: @escaping @Sendable (inout MQTTOptions) -> Void
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
    _ configure: (inout MQTTOptions) -> Void
) async throws -> MQTTConnection {
    var options = MQTTOptions(servers: [.init(host: "127.0.0.1", port: port)], connection: connection)
    options.reconnect = Backoff(initial: .milliseconds(20), maximum: .milliseconds(200))
    // Hundreds of handshakes at the same time may take a small machine longer than the default.
    options.connectTimeout = .seconds(60)
    configure(&options)
    return try await MQTTConnection.connect(options)
}
