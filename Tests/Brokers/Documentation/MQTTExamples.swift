import IntegrationSupport
import Martlet
import MartletMQTT
import Testing

/// The programs of the MQTT documentation, on a real broker.
@Suite(.timeLimit(.minutes(10))) struct MQTTExamples {
    private struct Sonar: Codable, Sendable {
        var distance: Double
    }

    private let sonar = Topic<Sonar>("documentation.sonar.front")

    @Test func names() async throws {
        let broker = try await MosquittoServer.shared()
        try await MQTTConnection.withConnection(to: "mqtt://127.0.0.1:\(broker.port)") { connection in
            let commands = try await connection.subscribe(to: TopicPattern(mqtt: "shelly-1.2/relay/+/command"))
            try await connection.publish(Message("on"), to: TopicName(mqtt: "shelly-1.2/relay/0/command"))
            let load = try await connection.subscribe(to: TopicPattern(mqtt: "$SYS/broker/load/#"))
            let command = try await commands.next()
            #expect(command?.topic.mqtt == "shelly-1.2/relay/0/command")
            #expect(command?.message.text == "on")
            let measured = try await load.next()
            #expect(measured?.topic.mqtt.hasPrefix("$SYS/broker/load/") == true)
        }
    }

    @Test func sessions() throws {
        let options = MQTTOptions(
            servers: [.init(host: "broker.local")],
            connection: ConnectionOptions(name: "gripper-7"),
            session: .persistent(expiry: .seconds(3_600))
        )
        #expect(options.session == .persistent(expiry: .seconds(3_600)))
    }

    private struct Step: Codable, Sendable {
        var number: Int
    }

    @Test func onTheConnectionsThread() async throws {
        let server = try await MosquittoServer.shared()
        let move = RPC<Step, Step>("documentation.move")
        let url = "mqtt://127.0.0.1:\(server.port)"
        try await MQTTConnection.withConnection(to: url) { broker in
            let other = try await MQTTConnection.connect(
                to: url,
                connection: ConnectionOptions(thread: broker.taskExecutor)
            )
            #expect(other.taskExecutor === broker.taskExecutor)
            await other.close()
            let node = Node("mover", on: broker, options: NodeOptions(heartbeat: nil)) { Respond(to: move) { $0 } }
            try await node.whileRunning {
                try await withTaskExecutorPreference(broker.taskExecutor) {
                    for step in 0..<1_000 { _ = try await broker.call(move, Step(number: step)) }
                }
            }
        }
    }

    /// Compiled, and not run: there may be no broker at the usual place.
    private func overview() async throws {
        try await MQTTConnection.withConnection(to: "mqtt://localhost") { broker in
            try await broker.publish(Sonar(distance: 2.5), to: sonar)
        }
    }
}
