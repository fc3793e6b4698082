import IntegrationSupport
import Martlet
import MartletAMQP
import Testing

// The examples of the article about bridges and of README.md, as they show them.

@Suite(.timeLimit(.minutes(10))) struct BridgeExamples {
    @Test func first() async throws {
        let (edgeBroker, cloudBroker) = (MemoryBroker(), MemoryBroker())
        let (edge, cloud) = try await (edgeBroker.connect(name: "edge"), cloudBroker.connect(name: "cloud"))
        let heard = try await cloud.subscribe(to: "site.#")
        let topic = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                let bridge = Bridge(from: edge, to: cloud, name: "berlin") {
                    Forward("sensors.#", as: "site.berlin.{rest}")
                    Forward(queue: "orders", toQueue: "cloud.orders")
                    ForwardCalls("ops.start", to: "thing.robotA.ops.start")
                    ForwardActions("arm.move")
                }
                try await bridge.run()
            }
            group.addTask {
                while !Task.isCancelled {
                    try await edge.publish(Message("open"), to: "sensors.door")
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            defer { group.cancelAll() }
            return try await heard.next()?.topic
        }
        #expect(topic == "site.berlin.door")
    }

    @Test func names() async throws {
        let plans = try plan {
            Forward("sensors.*.#", as: "site.{1}.berlin.{rest}")
            Forward("sensors.#", as: "site.berlin.{topic}")
            Forward("site.berlin.#", as: "{rest}")
            Forward("commands.*", as: "site.berlin.commands.{1}", direction: .back)
        }
        #expect(plans.count == 4)
    }

    @Test func between() async throws {
        let plans = try plan {
            Forward(anySonar, as: "near.{1}") { reading in reading.value.distance < 1 ? reading.value : nil }
            Forward(
                "sensors.#",
                options: RouteOptions(
                    deadLetters: "sensors.dead",
                    rate: RateLimit(perSecond: 100, burst: 20, excess: .drop),
                    sampling: .interval(.seconds(1)),
                    changes: .onlyIfChanged,
                    deduplication: 10_000
                )
            )
        }
        #expect(plans.count == 2)
    }

    @Test func circle() async throws {
        let broker = MemoryBroker()
        let a = try await broker.connect(name: "a")
        let b = try await broker.connect(name: "b")
        let bridge =
            Bridge(from: a, to: b, name: "a-b", options: BridgeOptions(fromBroker: "a", toBroker: "b")) {
                Forward("chat.#")
            }
        #expect(try bridge.plan().count == 1)
    }

    @Test func mesh() async throws {
        let broker = MemoryBroker()
        let a = try await broker.connect(name: "a")
        let c = try await broker.connect(name: "c")
        let bridge =
            Bridge(from: a, to: c, name: "a-c", options: BridgeOptions(mesh: "site")) {
                Forward("chat.#", direction: .both, options: RouteOptions(allowsLoop: true))
            }
        #expect(try bridge.plan().count == 2)
    }

    @Test func store() throws {
        let plans = try plan {
            Forward("sensors.#", options: RouteOptions(store: StoreOptions(folder: "/var/lib/site/sensors")))
        }
        #expect(plans.count == 1)
    }

    @Test func patience() async throws {
        let url = "amqp://127.0.0.1:\(try ReservedPort().number)"
        let patient = ConnectionOptions(whenUnreachable: .retry)
        let cloud = try await AMQPConnection.connect(to: url, connection: patient)
        #expect(cloud.state == .connecting)
        await cloud.close()
    }

    private func plan(@RouteBuilder routes: () -> [any Route]) throws -> [RoutePlan] {
        let end = BridgeEnd(name: "end", capabilities: [.confirmedPublish, .redelivery, .retain, .separateHeaders])
        return try Bridge.plan(between: BridgeEnds(from: end, to: end), routes: routes)
    }
}
