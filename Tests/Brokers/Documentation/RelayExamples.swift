import Martlet
import MartletMQTT
import MartletRelay

/// The examples of the documentation of relays.
private enum RelayExamples {
    static func relay(mqtt: MQTTConnection) async throws {
        // On the thread that reads the broker's socket: nothing is handed from one thread to another.
        let carbon = SinkConnection(CarbonSink(host: "graphite.home", thread: mqtt.taskExecutor), name: "carbon")
        let route = RouteOptions(deadLetters: "metrics.dead", retain: .none)
        try await Bridge(from: mqtt, to: carbon, name: "metrics") { Forward("mulay", options: route) }.run()
    }

    static func metrics(mqtt: MQTTConnection, carbon: SinkConnection<CarbonSink>) async throws {
        let metrics = try MetricMapping(name: "zigbee.{1}.{field}", fields: ["temperature", "humidity"])
        let devices: TopicPattern = "zigbee2mqtt.*"
        try await Bridge(from: mqtt, to: carbon, name: "metrics") {
            Forward(devices, options: RouteOptions(retain: .none)) { delivery in
                try metrics.message(for: delivery.message, on: delivery.topic, matching: devices)
            }
        }.run()
    }

    struct Printer: Sink {
        func deliver(_ batch: [SinkItem]) async throws {
            for item in batch { print(item.topic, item.message.text ?? "") }
        }
    }

    struct Counter: Source {
        func items(from position: String?) async throws -> AsyncThrowingStream<SourceItem, any Error> {
            let start = position.flatMap { Int($0) } ?? 0
            return AsyncThrowingStream { continuation in
                for number in start + 1...start + 10 {
                    let item = SourceItem(topic: "counter", message: Message("\(number)"), position: "\(number)")
                    continuation.yield(item)
                }
                continuation.finish()
            }
        }
    }

    static func events(mqtt: MQTTConnection) async throws {
        let events = SinkConnection(try await EventSink.open(EventSinkOptions(port: 8080)), name: "events")
        try await Bridge(from: mqtt, to: events, name: "events") { Forward("sensors.#") }.run()
    }

    struct Reading: Codable, Sendable { var value: Double }

    static func follow(mqtt: MQTTConnection) async throws {
        let node = Node("follower", on: mqtt) {
            FollowEvents("https://example.com/events", of: Reading.self) { reading in print(reading.value) }
        }
        try await node.run()
    }

    static func status(of bridge: Bridge) async throws {
        let status = try await StatusServer.open(StatusServerOptions(port: 9100), of: bridge)
        try await bridge.run()
        await status.close()
    }

    static func slack(token: Secret, carbon: SinkConnection<CarbonSink>) async throws {
        let channel = SlackOptions(token: token, channel: "#metrics")
        let slack = SourceConnection(try SlackSource(channel), options: SourceOptions(positionFile: "slack.json"))
        try await Bridge(from: slack, to: carbon, name: "metrics") {
            Forward("#", options: RouteOptions(isDurable: true))
        }.run()
    }
}
