import IntegrationSupport
import Martlet
import MartletTransport
import Testing

@testable import MartletMQTT

@Suite(.timeLimit(.minutes(10))) struct ClosingTests {
    /// The socket is full again and again; whenever it has room, what waits goes on.
    @Test(arguments: [MQTTVersion.v311, .v5]) func closingSendsWhatWasAccepted(_ version: MQTTVersion) async throws {
        let (rounds, messages) = (25, 2_000)
        try await MosquittoServer.withServer { server in
            try await MQTTConnection.withConnection(.local(server.port, version)) { reader in
                let subscription = try await reader.subscribe(to: "closing", options: .init(limit: 3_000))
                for _ in 0..<rounds {
                    try await MQTTConnection.withConnection(.local(server.port, version)) { sender in
                        let message = Message([UInt8](repeating: 1, count: 10_000))
                        for _ in 0..<messages { try await sender.publish(message, to: "closing") }
                    }
                    for _ in 0..<messages { _ = try #require(try await subscription.next()) }
                }
            }
        }
    }

    @Test func nothingOfAClosedConnectionStartsAThreadWhenItIsDropped() async throws {
        try await MosquittoServer.withServer { server in
            var connection: MQTTConnection? = try await MQTTConnection.connect(.local(server.port))
            var subscription: Subscription? = try await connection?.subscribe(to: "dropped.topic")
            let loop = try #require(connection?.session.loop)
            await connection?.close()
            try await until { !loop.isRunning }
            let threads = loop.statistics.threads
            withExtendedLifetime(subscription) {}
            subscription = nil
            connection = nil
            #expect(loop.statistics.threads == threads)
        }
    }
}
