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

    struct Printer: Sink {
        func deliver(_ batch: [SinkItem]) async throws {
            for item in batch { print(item.topic, item.message.text ?? "") }
        }
    }
}
