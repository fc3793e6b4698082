import Martlet
import MartletMQTT
import MartletRelay

/// The examples of the documentation of relays.
private enum RelayExamples {
    static func relay(mqtt: MQTTConnection) async throws {
        let carbon = SinkConnection(CarbonSink(host: "graphite.home"), name: "carbon")
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
}
