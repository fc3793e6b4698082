import IntegrationSupport
import Martlet
import MartletAMQP
import MartletBrokers
import Testing

/// An edge machine with a broker of its own hands on what comes there to a cluster, of which a node is killed meanwhile.
@Suite(.timeLimit(.minutes(10))) struct ClusterTests {
    private static let count = 4_000

    private func address(_ scheme: String, _ ports: [Int], _ options: String = "") -> String {
        "\(scheme)\(ports.map { "127.0.0.1:\($0)" }.joined(separator: ","))\(options)"
    }

    // MARK: RabbitMQ

    /// Quorum queues go on without the node; a classic one is back with it, and what comes for it waits at the edge.
    @Test func aNodeOfRabbitMQ() async throws {
        var options = RabbitMQOptions()
        options.speaksMQTT = true
        try await RabbitMQCluster.withCluster(options) { cluster in
            let ports = cluster.nodes.map(\.port)
            try await moveToRabbitMQ(cluster)
            // A queue that is there is used as it is.
            let maker = try await AMQPConnection.connect(to: address("amqp://", [ports[0]], "?queue_type=classic"))
            try await maker.send(Message("first"), to: "classic")
            await maker.close()
            let center = try await connect(to: address("amqp://", ports.reversed(), "?connection_timeout=2000"))
            let quorum = try await center.consume(from: "quorum", options: ConsumeOptions(prefetch: 1_000))
            try await EdgeMachine.withMachine(
                handingOnTo: address("amqp://", ports, "?connection_timeout=2000"),
                ["topic: sensors.#, to-queue: quorum", "topic: alarms.#, to-queue: classic"]
            ) { edge in
                let arrived = try await hand(on: edge, to: quorum) {
                    cluster.nodes[0].kill()
                    try await edge.device.publishNumbers(0..<100, to: "alarms.fire")
                }
                print("RabbitMQ, a quorum queue: \(arrived)")
                try await until { edge.figure("stored", of: "alarms.#") == 100 }
                try await cluster.nodes[0].start()
                let classic = try await center.consume(from: "classic", options: ConsumeOptions(prefetch: 1_000))
                let late = try await read(classic, 100)
                print("RabbitMQ, a classic queue: \(late)")
                #expect(try await edge.isDone("sensors.#", "alarms.#"))
            }
            await center.close()
        }
    }

    private func moveToRabbitMQ(_ cluster: RabbitMQCluster) async throws {
        let urls = cluster.nodes.map { address("amqp://", [$0.port]) }
        let own = try await MovedProgram.findings(at: urls[0], and: urls[1])
        #expect(
            own == [
                "at least once": "yes", "once": "unsupported", "retained": "unsupported", "shared": "yes",
                "called": "yes",
            ]
        )
        let mqtt = cluster.nodes.compactMap(\.mqttPort).map {
            address("mqtt://guest:guest@", [$0], "?version=3.1.1&share=false")
        }
        var findings = try await MovedProgram.findings(at: mqtt[0], and: mqtt[1], shares: false)
        // It answers a message of QoS 2 as one of QoS 1, and the client takes that for what it is: an error of the protocol.
        #expect(findings.removeValue(forKey: "once") != "yes")
        #expect(
            findings == [
                "at least once": "yes", "retained": "yes", "retained, by a wildcard": "no",
                "retained, at another node": "no", "called": "yes",
            ]
        )
    }

    // MARK: Redis

    /// What Redis has confirmed is on its disk, and what comes meanwhile waits at the edge.
    @Test func aNodeOfRedis() async throws {
        var options = IntegrationSupport.RedisOptions()
        options.isPersistent = true
        options.extraLines = ["cluster-node-timeout 1000"]
        try await RedisCluster.withCluster(options) { cluster in
            let url = address("redis://", cluster.nodes.map(\.port), "?lease=3s")
            let findings = try await MovedProgram.findings(at: url, and: url)
            #expect(
                findings == [
                    "at least once": "unsupported", "once": "unsupported", "retained": "unsupported",
                    "shared": "unsupported", "called": "yes",
                ]
            )
            let center = try await connect(to: url)
            let jobs = try await center.consume(from: "ingest", options: ConsumeOptions(prefetch: 1_000))
            let owner = try #require(await cluster.owner(of: "ingest"))
            try await EdgeMachine.withMachine(handingOnTo: url, ["topic: sensors.#, to-queue: ingest"]) { edge in
                let arrived = try await hand(on: edge, to: jobs) {
                    owner.kill()
                    try await until { (edge.figure("stored", of: "sensors.#") ?? 0) > Self.count / 2 }
                    try await owner.start()
                }
                print("Redis: \(arrived)")
                #expect(try await edge.isDone("sensors.#"))
            }
            await center.close()
        }
    }

    /// A replica takes the place of a node that is gone, and the bridge finds it. What the node had confirmed and its replica had
    /// not yet heard of is lost: Redis says so, and no client could tell.
    @Test func aReplicaOfRedis() async throws {
        var options = IntegrationSupport.RedisOptions()
        options.extraLines = ["cluster-node-timeout 1000"]
        try await RedisCluster.withCluster(options, replicas: 1) { cluster in
            let url = address("redis://", cluster.nodes.map(\.port), "?lease=3s")
            let center = try await connect(to: url)
            let jobs = try await center.consume(from: "ingest", options: ConsumeOptions(prefetch: 1_000))
            let owner = try #require(await cluster.owner(of: "ingest"))
            try await EdgeMachine.withMachine(handingOnTo: url, ["topic: sensors.#, to-queue: ingest"]) { edge in
                try await edge.device.publishNumbers(0..<1_000, to: "sensors.heat")
                let before = try await read(jobs, 1_000)
                owner.kill()
                try await edge.device.publishNumbers(1_000..<2_000, to: "sensors.heat")
                let arrived = try await read(jobs, 2_000, before)
                print("Redis, a replica: \(arrived)")
                #expect(try await edge.isDone("sensors.#"))
            }
            await center.close()
        }
    }

    /// A cluster that grows moves what it has to another node while it is used.
    @Test func aSlotOfRedisMoves() async throws {
        try await RedisCluster.withCluster { cluster in
            let url = address("redis://", cluster.nodes.map(\.port), "?lease=3s")
            let center = try await connect(to: url)
            let jobs = try await center.consume(from: "ingest", options: ConsumeOptions(prefetch: 100))
            let owner = try #require(await cluster.owner(of: "ingest"))
            let other = try #require(cluster.nodes.first { $0 !== owner })
            try await EdgeMachine.withMachine(handingOnTo: url, ["topic: sensors.#, to-queue: ingest"]) { edge in
                let arrived = try await hand(on: edge, to: jobs) {
                    try await cluster.moveSlot(of: "ingest", to: other) {
                        // A queue that runs empty is one that the old node knows no more: what comes then waits for the move.
                        try await until {
                            (edge.figure("received", of: "sensors.#") ?? 0) > Self.count / 2
                                || (edge.figure("retried", of: "sensors.#") ?? 0) > 0
                        }
                    }
                }
                print("Redis, a slot that moves: \(arrived)")
                #expect(await cluster.owner(of: "ingest") === other)
                #expect(try await edge.isDone("sensors.#"))
            }
            await center.close()
        }
    }

    // MARK: MQTT

    /// Who reads at another node misses nothing of what the bridge's own has passed on. What that has acknowledged and not passed on
    /// goes with it: ejabberd keeps messages in memory alone.
    @Test func aNodeOfEjabberd() async throws {
        try await EjabberdCluster.withCluster { cluster in
            let ports = cluster.nodes.map(\.port)
            let urls = ports.map { address("mqtt://moved:x@", [$0], "?share=false") }
            let findings = try await MovedProgram.findings(at: urls[0], and: urls[1])
            #expect(
                findings == [
                    "at least once": "yes", "once": "yes", "retained": "yes", "retained, by a wildcard": "yes",
                    "retained, at another node": "no", "shared": "unsupported", "called": "yes",
                ]
            )
            let center = try await connect(to: address("mqtt://center:x@", [ports[2]], "?client=center"))
            let readings = try await center.subscribe(
                to: "sensors.#",
                options: SubscribeOptions(guarantee: .atLeastOnce)
            )
            try await EdgeMachine.withMachine(
                handingOnTo: address("mqtt://edge:x@", ports, "?timeout=2s"),
                ["topic: sensors.#"]
            ) { edge in
                var arrived = try await hand(on: edge, to: readings) { cluster.nodes[1].kill() }
                cluster.nodes[0].kill()
                try await edge.device.publishNumbers(Self.count..<Self.count + 1_000, to: "sensors.heat")
                arrived = try await read(readings, Self.count + 1_000, arrived)
                print("ejabberd: \(arrived)")
                #expect(try await edge.isDone("sensors.#"))
            }
            await center.close()
        }
    }

    // MARK: Without a cluster

    /// What those that move to a cluster had before.
    @Test func martletsOwnBroker() async throws {
        let port = try ReservedPort()
        let broker = try ProgramRun(ofPackage: "martlet", ["broker", "--port", "\(port.number)", "--report", "1h"])
        try await broker.waitForOutput(#""state":"listening""#)
        let url = address("mqtt://", [port.number])
        let findings = try await MovedProgram.findings(at: url, and: url)
        #expect(
            findings == [
                "at least once": "yes", "once": "yes", "retained": "yes", "retained, by a wildcard": "yes",
                "retained, at another node": "yes", "shared": "yes", "called": "yes",
            ]
        )
    }

    // MARK: What they share

    /// Has a device publish numbers, and returns when all of them have arrived.
    ///
    /// - Parameter fail: What happens when a tenth of them is there, while the others are published and passed on.
    private func hand(
        on edge: EdgeMachine,
        to subscription: Subscription,
        _ fail: () async throws -> Void
    ) async throws -> Numbered {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await edge.device.publishNumbers(0..<Self.count / 2, to: "sensors.heat") }
            let begun = try await read(subscription, Self.count / 10)
            group.addTask { try await edge.device.publishNumbers(Self.count / 2..<Self.count, to: "sensors.heat") }
            try await fail()
            let arrived = try await read(subscription, Self.count, begun)
            try await group.waitForAll()
            return arrived
        }
    }

    /// Reads until so many numbers have arrived.
    private func read(
        _ subscription: Subscription,
        _ count: Int,
        _ before: Numbered = Numbered()
    ) async throws -> Numbered {
        var arrived = before
        while arrived.count < count, let delivery = try await subscription.next() {
            arrived.add(delivery.message.text)
            // Whose link was lost meanwhile comes again.
            try? delivery.ack()
        }
        return arrived
    }
}

extension EdgeMachine {
    /// Returns when nothing is stored of some routes any more: whether nothing of them was lost.
    func isDone(_ routes: String...) async throws -> Bool {
        for route in routes {
            try await until { figure("stored", of: route) == 0 }
            guard figure("lost", of: route) == 0, figure("storeDropped", of: route) == 0 else { return false }
        }
        return true
    }
}
