import IntegrationSupport
import Martlet
import Testing

@testable import MartletMQTT

/// Many messages under way, and large ones.
@Suite(.serialized, .timeLimit(.minutes(3))) struct WindowTests {
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
                while !missing.isEmpty { missing.remove(try await subscription.next()?.message.text ?? "?") }
                #expect(await connection.session.unconfirmed == 0)
            }
        }
    }

    /// A message as large as the protocol nearly allows, and the memory is given back.
    @Test func aMessageOf200MiBArrives() async throws {
        let count = 200 << 20
        try await MosquittoServer.withServer { server in
            let before = ProcessFigures.residentBytes
            let options = MQTTOptions.local(server.port) { $0.connection.maximumBodyBytes = count }
            try await MQTTConnection.withConnection(options) { connection in
                let subscription = try await connection.subscribe(
                    to: "huge",
                    options: SubscribeOptions(guarantee: .atLeastOnce)
                )
                let code = await errorCode {
                    try await connection.publish(
                        Message([UInt8](repeating: 0, count: count + 1)),
                        to: "huge",
                        options: PublishOptions(guarantee: .atLeastOnce)
                    )
                }
                #expect(code == .bodyTooLarge)
                var body = [UInt8](repeating: 0xa5, count: count)
                body[count - 1] = 7
                try await connection.publish(
                    Message(body),
                    to: "huge",
                    options: PublishOptions(guarantee: .atLeastOnce)
                )
                let arrived = try await subscription.next()?.message.body
                #expect(arrived?.count == count)
                #expect(arrived?.first == 0xa5)
                #expect(arrived?.last == 7)
            }
            try await until { ProcessFigures.residentBytes - before < 150 << 20 }
        }
    }
}

extension MQTTSession {
    fileprivate var unconfirmed: Int { inFlight.count }
}
