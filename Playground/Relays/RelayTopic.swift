import Martlet

/// A relay from a topic to Carbon: the metrics server is not exposed to where the metrics come from.
struct RelayTopic: Example {
    let name = "relay-topic"
    let summary = "a relay: lines published to a topic go to Carbon, or to the console"

    func run(on broker: Broker) async throws {
        let source = try await broker.connect(name: "relay")
        let carbon = MetricsEnd.open()
        // What a broker has kept is no measurement of now.
        let relay = Bridge(from: source, to: carbon, name: "relay-topic") {
            Forward("mulay", options: RouteOptions(retain: .none))
        }

        let sender = try await broker.connect(name: "sender")
        try await MetricsEnd.run(relay, until: 2) {
            try await sender.publish(Message("my.speedtest.download 93.4 1700000000"), to: "mulay")
            try await sender.publish(Message("my.a 1 1700000001\nmy.b 2 1700000001"), to: "mulay")
        }
        await carbon.close()
    }
}
