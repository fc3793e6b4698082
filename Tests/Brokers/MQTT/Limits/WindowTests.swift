import IntegrationSupport
import Martlet
import Testing

@testable import MartletMQTT

/// Many messages under way.
@Suite(.serialized, .timeLimit(.minutes(10))) struct WindowTests {
    @Test(arguments: MQTTVersion.allCases, [1, 100, 4_000])
    func aWindowOfAnySizeConfirmsAll(_ version: MQTTVersion, _ window: Int) async throws {
        var settings = MosquittoOptions()
        settings.maximumInFlight = 0
        try await MosquittoServer.withServer(settings) { server in
            let options = MQTTOptions.local(server.port, version) { $0.maximumInFlight = window }
            try await MQTTConnection.withConnection(options) { connection in
                let subscription = try await connection.subscribe(
                    to: "window",
                    options: SubscribeOptions(limit: 10_000, guarantee: .atLeastOnce)
                )
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<8_000 {
                        group.addTask {
                            try await connection.publish(
                                Message("\(number)"),
                                to: "window",
                                options: PublishOptions(guarantee: .atLeastOnce)
                            )
                        }
                    }
                    try await group.waitForAll()
                }
                var missing = Set((0..<8_000).map(String.init))
                var iterator = subscription.makeAsyncIterator()
                while !missing.isEmpty { missing.remove(try await iterator.next()?.message.text ?? "?") }
                #expect(await connection.session.unconfirmed == 0)
            }
        }
    }
}
