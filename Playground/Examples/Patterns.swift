import Martlet

/// Patterns: one subscription to many topics, and values that the broker keeps for those who come later.
struct Patterns: Example {
    let name = "patterns"
    let summary = "wildcards: * is one segment, # is the rest; retained values for latecomers"

    struct Climate: Codable, Sendable {
        var celsius: Double
    }

    /// `*` stands for exactly one segment of the topic, `#` for all that are left.
    let bedrooms = TopicFilter<Climate>("house.*.bedroom")
    let upstairs = TopicFilter<Climate>("house.upstairs.#")

    func run(on broker: Broker) async throws {
        let house = try await broker.connect(name: "house")
        let inBedrooms = try await house.subscribe(to: bedrooms)
        let isUpstairs = try await house.subscribe(to: upstairs)

        // One value to many topics; the broker keeps the last one of each.
        let climate = MultiTopicPublisher<Climate>(on: house, options: PublishOptions(retain: true))
        for (topic, celsius) in [
            ("house.upstairs.bedroom", 18.5), ("house.upstairs.bath.shower", 24), ("house.downstairs.bedroom", 19),
        ] {
            try await climate.publish(Climate(celsius: celsius), to: TopicName(topic))
        }

        for try await reading in inBedrooms.prefix(2) {
            print("\(bedrooms.pattern) has \(reading.topic) at \(reading.value.celsius) °C")
        }
        for try await reading in isUpstairs.prefix(2) {
            print("\(upstairs.pattern) has \(reading.topic) at \(reading.value.celsius) °C")
        }

        // Who comes late gets the kept values first.
        let late = try await house.subscribe(to: TopicFilter<Climate>("house.#"))
        var rooms: Set<String> = []
        for try await reading in late.prefix(3) {
            rooms.insert(reading.topic.segments.dropFirst().joined(separator: " "))
        }
        print("a latecomer knows: \(rooms.sorted().joined(separator: ", "))")
    }
}
