import IntegrationSupport
import Martlet
import Testing

@testable import MartletMQTT

/// How surely requests come to their responder.
@Suite(.timeLimit(.minutes(10))) struct RequestQualityTests {
    /// What a link would lose anyway need not be acknowledged; what the broker keeps for the next link has to be.
    @Test(arguments: [false, true]) func requestsAreAcknowledgedWhereTheBrokerKeepsThem(keeps: Bool) async throws {
        let server = try await MosquittoServer.shared()
        let name = QueueName("quality\(UInt64.random(in: 0...UInt64.max))")
        var options = MQTTOptions.local(server.port)
        if keeps {
            options.session = .persistent(expiry: .seconds(10))
            options.connection.name = name.text
        }
        try await MQTTConnection.withConnection(options) { connection in
            let node = Node("echo", on: connection, options: NodeOptions(heartbeat: nil)) { Respond(to: name) { $0 } }
            try await node.whileRunning {
                #expect(await connection.session.sharedQualities == [keeps ? 1 : 0])
                let answer = try await connection.call(name, Message("x"))
                #expect(answer.text == "x")
                // Another consumer of the same name wants more, and the subscription is one.
                let consumer = try await connection.consume(from: name)
                #expect(await connection.session.sharedQualities == [1])
                consumer.finish()
            }
        }
    }
}

extension MQTTSession {
    /// With which quality of service each shared subscription was asked for.
    fileprivate var sharedQualities: [CInt] { subscriptions.all.filter(\.isShared).compactMap { $0.asked?.quality } }
}
