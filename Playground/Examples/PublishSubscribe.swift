import Martlet

/// Publish and subscribe: every subscriber gets each value that is published while it subscribes.
struct PublishSubscribe: Example {
    let name = "publish-subscribe"
    let summary = "typed values on a topic: each subscriber gets every one of them"

    struct Sonar: Codable, Sendable {
        var distance: Double
        var angle: Double
    }

    /// The contract that both sides share: the topic's name, and the type of what is published on it.
    let sonar = Topic<Sonar>("sensors.sonar.front")

    func run(on broker: Broker) async throws {
        let robot = try await broker.connect(name: "robot")
        let screen = try await broker.connect(name: "screen")

        // Once `subscribe` has returned nothing is missed. If the reader falls 256 messages behind the publisher waits
        // for it: nothing is lost, and nothing grows. For other choices see `SubscribeOptions.overflow`.
        let readings = try await screen.subscribe(to: sonar)

        async let publishing: Void = {
            for step in 0..<5 {
                try await robot.publish(Sonar(distance: 2.5 - Double(step) / 2, angle: 30), to: sonar)
            }
        }()
        for try await reading in readings.prefix(5) {
            print("\(reading.topic): \(reading.value.distance) m at \(reading.value.angle)°")
        }
        try await publishing

        // A publisher of its own may leave out what has not changed.
        let publisher = Publisher(to: sonar, on: robot, filter: .onlyIfChanged)
        for distance in [1.0, 1.0, 0.5] {
            let wasPublished = try await publisher.publish(Sonar(distance: distance, angle: 30))
            print("\(distance) m was \(wasPublished ? "published" : "left out: it is what was published last")")
        }
    }
}
