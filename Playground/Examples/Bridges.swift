import Martlet

/// Bridges: a robot keeps its own broker, and shares with the site what the site needs.
struct Bridges: Example {
    let name = "bridges"
    let summary = "two brokers: topics renamed and thinned out on their way, orders and calls across"

    struct Sonar: Codable, Sendable {
        var distance: Double
    }

    let anySonar = TopicFilter<Sonar>("sensors.sonar.*")
    func sonar(_ place: String) -> Topic<Sonar> { Topic(TopicName("sensors.sonar.\(place)")) }

    let move = RPC<String, String>("ops.move")
    let moveFromAfar = RPC<String, String>("site.robot_a.move")

    func run(on broker: Broker) async throws {
        // The robot's broker is in its own process; the site's is the one that was chosen.
        let onBoard = MemoryBroker()
        let robot = try await onBoard.connect(name: "robot")
        let bridge = try await Bridge(
            from: onBoard.connect(name: "bridge"),
            to: broker.connect(name: "bridge"),
            name: "robot_a"
        ) {
            Forward(anySonar, as: "site.robot_a.near.{1}") { $0.value.distance < 1 ? $0.value : nil }
            Forward("orders.#", as: "site.robot_a.orders.{rest}", direction: .back)
            ForwardCalls(moveFromAfar, to: move.name, isBackwards: true)
        }

        let site = try await broker.connect(name: "site")
        let near = try await site.subscribe(to: TopicFilter<Sonar>("site.*.near.*"))
        let orders = try await robot.subscribe(to: TopicFilter<String>("orders.#"))
        let node = Node("driver", on: robot, options: NodeOptions(heartbeat: nil)) {
            Respond(to: move) { "moving \($0)" }
        }
        try await node.whileRunning {
            try await bridge.whileRunning {
                // What is far away stays on board.
                for (place, distance) in [("left", 3.0), ("front", 0.4), ("right", 2.5), ("back", 0.8)] {
                    try await robot.publish(Sonar(distance: distance), to: sonar(place))
                }
                for try await reading in near.prefix(2) { print("\(reading.topic): \(reading.value.distance) m") }

                try await site.publish("lights off", to: Topic("site.robot_a.orders.lamp"))
                for try await order in orders.prefix(1) { print("the robot gets \(order.topic): \(order.value)") }

                print("asked from afar: \(try await site.call(moveFromAfar, "north"))")
            }
        }
        for report in bridge.reports.prefix(2) {
            let counts = report.statistics
            print("\(report.plan.name): \(counts.received) in, \(counts.forwarded) out, \(counts.filtered) left out")
        }
    }
}
