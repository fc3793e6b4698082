#if os(Linux)
import Martlet
import MartletSimulation
import MartletTesting

extension Scenario {
    /// A bridge with a store between two brokers dies while it writes, is killed, and starts again.
    ///
    /// Every message that the first broker has taken arrives at the second, and when all have, neither the broker nor the store
    /// has any left.
    static let bridge = Scenario("bridge", nodes: 2, rounds: 6) { world in
        let edge = world.broker("edge")
        let cloud = world.broker("cloud")
        let ledger = Ledger()
        let bridge = try await world.start("bridge") { process in
            let from = try await process.connect(to: edge, as: "bridge-edge", faults: world.weather)
            let to = try await process.connect(to: cloud, as: "bridge-cloud", faults: world.weather)
            var options = RouteOptions()
            options.store = StoreOptions(folder: process.path(of: "store"), sync: .always)
            return Bridge(from: from, to: Planted.wrap(to, world.plant, world), name: "bridge") {
                Forward(queue: "in", toQueue: "out", options: options)
            }
        }
        try await world.start("archive") { process in
            let connection = try await process.connect(to: cloud)
            return Node("archive", on: connection) {
                Consume(from: Queue<Int>("out")) { received in
                    ledger.enter(received.value, under: "arrived")
                    world.log("\(received.value) has arrived")
                }
            }
        }
        try await withThrowingTaskGroup { group in
            for number in 0..<world.nodes {
                let sensor = try await world.connect(to: edge, as: "sensor\(number)", faults: world.weather)
                group.addTask {
                    var random = world.random(for: "sensor\(number)")
                    for round in 0..<world.rounds {
                        let reading = number * 1_000 + round
                        try await sensor.send(reading, to: Queue<Int>("in"))
                        ledger.enter(reading, under: "sent")
                        try await world.sleep(for: .milliseconds(Int.random(in: 0...50, using: &random)))
                    }
                }
            }
            group.addTask {
                var random = world.random(for: "kills")
                for _ in 0..<world.rounds {
                    bridge.die(afterWrites: Int.random(in: 0...4, using: &random))
                    try await world.sleep(for: .milliseconds(Int.random(in: 1...300, using: &random)))
                    try await bridge.restart(after: .milliseconds(Int.random(in: 0...200, using: &random)))
                }
            }
            try await group.waitForAll()
        }
        try await world.expect("all that was sent has arrived", within: .seconds(120)) {
            ledger.numbers(under: "sent").allSatisfy { ledger.count(of: $0, under: "arrived") > 0 }
        }
        try await world.expect("the queue is empty", within: .seconds(60)) {
            edge.presence.queues.allSatisfy { $0.waiting + $0.unsettled == 0 }
        }
    }
}
#endif
