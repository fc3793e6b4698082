import IntegrationSupport
import Martlet
import MartletTesting
import Testing

/// Each connection keeps the promises of every connection, on a real broker, in each way of reaching it.
@Suite(.timeLimit(.minutes(10))) struct ConformanceTests {
    @Test(arguments: BrokerSetup.allCases.flatMap(\.cells))
    func keepsItsPromises(_ cell: ConformanceCell) async throws {
        let setup = cell.setup
        let check = cell.check
        let server = try await setup.server()
        guard check.cutsLinks else {
            try await check.run { try await setup.connect(to: server, port: server.port, $0) }
            return
        }
        try await ProxyPool.withPool(of: 6, to: server.port) { pool in
            try await check.run { options in
                let proxy = try pool.take()
                let connection = try await setup.connect(to: server, port: proxy.port, options)
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
