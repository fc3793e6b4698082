import Martlet

/// A relay from a queue to Carbon: what Carbon has not read stays in the queue.
struct RelayQueue: Example {
    let name = "relay-queue"
    let summary = "a relay: lines sent to a queue go to Carbon, or to the console"

    func run(on broker: Broker) async throws {
        let source = try await broker.connect(name: "relay")
        let carbon = MetricsEnd.open()
        let relay = Bridge(from: source, to: carbon, name: "relay-queue") {
            Forward(queue: "my-metrics", as: "my-metrics")
        }

        let sender = try await broker.connect(name: "sender")
        // They wait there until the relay runs.
        try await sender.send(Message("my.speedtest.download 93.4 1700000000"), to: "my-metrics")
        try await sender.send(Message("my.speedtest.upload 31.9 1700000000"), to: "my-metrics")
        try await MetricsEnd.run(relay, until: 2) {}
        await carbon.close()
    }
}
