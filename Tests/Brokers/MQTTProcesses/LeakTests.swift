import IntegrationSupport
import Martlet
import Testing

@testable import MartletMQTT

extension OwnProcessTests {
    /// Whatever ends a connection, nothing of it stays: no thread, no descriptor.
    struct LeakTests {
        @Test func aThousandConnectionsLeaveNothing() async {
            await #expect(processExitsWith: .success) {
                try await MosquittoServer.withServer { server in
                    try await leavesNothing {
                        for number in 0..<500 {
                            let version = number % 2 == 0 ? MQTTVersion.v5 : .v311
                            try await MQTTConnection.withConnection(.local(server.port, version)) { connection in
                                guard number % 10 == 0 else { return }
                                let subscription = try await connection.subscribe(to: "leak")
                                try await connection.publish(Message("x"), to: "leak")
                                _ = try await subscription.next()
                            }
                        }
                    }
                }
            }
        }

        @Test func connectionsThatAreDroppedLeaveNothing() async {
            await #expect(processExitsWith: .success) {
                try await MosquittoServer.withServer { server in
                    try await leavesNothing {
                        for number in 0..<50 {
                            let connection = try await MQTTConnection.connect(.local(server.port))
                            // Whoever has a subscription has not got the connection.
                            let subscription = number % 2 == 0 ? try await connection.subscribe(to: "leak") : nil
                            _ = subscription?.waiting
                        }
                    }
                    // They have said goodbye, too. (The last lines of the log may come later.)
                    try await until {
                        server.log.split(separator: "\n").count { $0.hasSuffix(" disconnected.") } >= 50
                    }
                }
            }
        }

        /// Cancelled wherever it is: while a name is looked up, while nobody answers to TCP's or TLS's or MQTT's greeting.
        @Test func connectsThatAreCancelledOrFailLeaveNothing() async {
            await #expect(processExitsWith: .success) {
                let nobody = try ReservedPort()
                try await leavesNothing {
                    try await SilentServer.withServer { server in
                        let encrypted: @Sendable (inout MQTTOptions) -> Void = {
                            $0.tls = TLSOptions(verification: .none)
                        }
                        let named: @Sendable (inout MQTTOptions) -> Void = { $0.servers[0].host = "nowhere.invalid" }
                        // A network that nobody has (RFC 5737): its packets lead nowhere, or are refused at once.
                        let far: @Sendable (inout MQTTOptions) -> Void = { $0.servers[0].host = "192.0.2.1" }
                        let cases: [@Sendable (inout MQTTOptions) -> Void] = [{ _ in }, encrypted, named, far]
                        for options in cases.map({ MQTTOptions.local(0, .v5, $0) }) {
                            for port in [server.port, nobody.number] {
                                for steps in [0, 1, 10, 200] {
                                    var options = options
                                    options.servers[0].port = port
                                    let connecting = Task { [options] in try await MQTTConnection.connect(options) }
                                    for _ in 0..<steps { await Task.yield() }
                                    connecting.cancel()
                                    _ = await connecting.result
                                }
                            }
                        }
                        let connections = server.connections
                        let waiting = Task { try await MQTTConnection.connect(.local(server.port, .v5, encrypted)) }
                        try await until { server.connections > connections }
                        waiting.cancel()
                        await #expect(throws: CancellationError.self) { try await waiting.value }
                    }
                }
            }
        }

        @Test func connectionsThatLoseTheirLinkLeaveNothing() async {
            await #expect(processExitsWith: .success) {
                try await MosquittoServer.withServer { server in
                    try await TCPProxy.withProxy(to: server.port) { proxy in
                        try await leavesNothing {
                            for _ in 0..<30 {
                                try await MQTTConnection.withConnection(.local(proxy.port)) { connection in
                                    let subscription = try await connection.subscribe(to: "leak")
                                    try await proxy.cut()
                                    try await connection.publish(
                                        Message("x"),
                                        to: "leak",
                                        options: PublishOptions(guarantee: .atLeastOnce)
                                    )
                                    _ = subscription.waiting
                                }
                            }
                            // Closed, or dropped, while it tries to come back.
                            for closes in [true, false] {
                                let connection = try await MQTTConnection.connect(.local(proxy.port))
                                try await proxy.refuseConnections()
                                try await proxy.cut()
                                try await until { connection.state == .disconnected }
                                if closes { await connection.close() }
                                try await proxy.acceptConnections()
                            }
                            try await until { proxy.counts.openConnections == 0 }
                        }
                    }
                }
            }
        }
    }
}

/// Runs `body` twice, and waits until the process has no more after the second time than after the first: what is made
/// once a process is made in the first.
private func leavesNothing(_ body: () async throws -> Void) async throws {
    try await body()
    try await until { ProcessFigures.threads(named: "martlet-mqtt") == 0 }
    let descriptors = ProcessFigures.descriptors
    try await body()
    try await until { ProcessFigures.threads(named: "martlet-mqtt") == 0 && ProcessFigures.descriptors <= descriptors }
}
