import Foundation
import IntegrationSupport
import Martlet
import MartletAMQP
import MartletMQTT
import Testing

/// Nothing is lost on routes that promise at least once, whoever is killed and whichever link is cut.
@Suite(.serialized, .timeLimit(.minutes(15))) struct ChaosTests {
    private static let count = 50_000
    private static let kills = 10

    @Test(arguments: [BrokerPair(from: .amqp, to: .redis), BrokerPair(from: .redis, to: .amqp)])
    func aBridgeThatIsKilledLosesNothing(pair: BrokerPair) async throws {
        try await Ends.with(pair) { ends in
            let (here, there) = (ends.here, ends.there)
            let (fromPort, toPort) = (try await pair.from.port, try await pair.to.port)
            let jobs = try await ends.b.consume(from: QueueName(there), options: ConsumeOptions(prefetch: 1_000))
            try await ends.a.sendNumbers(Self.count, to: QueueName(here))
            let arrived = try await withThrowingTaskGroup(of: Numbered?.self) { group in
                group.addTask {
                    var arrived = Numbered()
                    while arrived.count < Self.count, let job = try await jobs.next() {
                        arrived.add(job.message.text)
                        try job.ack()
                    }
                    return arrived
                }
                let run = Run(
                    from: pair.from,
                    to: pair.to,
                    fromPort: fromPort,
                    toPort: toPort,
                    here: here,
                    there: there,
                    limit: Self.count / (Self.kills + 1)
                )
                for _ in 0..<Self.kills { await killed(run) }
                group.addTask {
                    try await Bridge(from: ends.from, to: ends.to) {
                        Forward(queue: QueueName(here), toQueue: QueueName(there))
                    }.run()
                    return nil
                }
                defer { group.cancelAll() }
                while let result = try await group.next() { if let result { return result } }
                throw CancellationError()
            }
            print("\(pair), bridge killed \(Self.kills) times: \(arrived)")
            #expect(arrived.count == Self.count)
            // What is under way when a bridge is killed is delivered again, and nothing else.
            #expect(arrived.duplicates <= Self.kills * 1_024)
            #expect(arrived.late <= Self.kills * 1_024)
        }
    }

    /// A durable route of topics: also what is published while no bridge runs arrives.
    @Test func aDurableRouteOfTopicsLosesNothing() async throws {
        let pair = BrokerPair(from: .amqp, to: .redis)
        try await Ends.with(pair) { ends in
            let (topic, name) = (TopicName("\(ends.here).numbers"), "bridge\(ends.here)")
            let jobs = try await ends.b.consume(from: QueueName(ends.there), options: ConsumeOptions(prefetch: 1_000))
            let options = RouteOptions(guarantee: .atLeastOnce, isDurable: true)
            // Only what is published after the first bridge has begun is kept.
            let first = Bridge(from: ends.from, to: ends.to, name: name) {
                Forward(TopicPattern(topic), toQueue: QueueName(ends.there), options: options)
            }
            try await first.whileRunning(readyWithin: .seconds(60)) {}
            try await ends.a.publishNumbers(5_000, to: topic)
            let second = Bridge(from: ends.from, to: ends.to, name: name) {
                Forward(TopicPattern(topic), toQueue: QueueName(ends.there), options: options)
            }
            let arrived = try await second.whileRunning(readyWithin: .seconds(60)) {
                var arrived = Numbered()
                while arrived.count < 5_000, let job = try await jobs.next() {
                    arrived.add(job.message.text)
                    try job.ack()
                }
                return arrived
            }
            #expect(arrived.count == 5_000)
            #expect(arrived.duplicates == 0 && arrived.late == 0)
        }
    }

    /// What a process that is killed has to know.
    private struct Run: Codable, Sendable {
        var from: BrokerKind
        var to: BrokerKind
        var fromPort: Int
        var toPort: Int
        var here: String
        var there: String
        var limit: Int
    }

    /// Runs a bridge in a process of its own that is killed when so many messages have been passed on.
    private func killed(_ run: Run) async {
        await #expect(processExitsWith: .signal(SIGKILL)) { [run = run as Run] in
            let from = try await run.from.connect(port: run.fromPort)
            let to = try await run.to.connect(port: run.toPort)
            let bridge = Bridge(from: from, to: to) {
                Forward(queue: QueueName(run.here), toQueue: QueueName(run.there))
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await bridge.run() }
                try await until { bridge.reports.first.map { $0.statistics.forwarded >= run.limit } ?? false }
                kill(getpid(), SIGKILL)
            }
        }
    }

    /// Both brokers are restarted, and both links cut, apart and together, while messages flow.
    @Test func brokersThatRestartAndLinksThatAreCutLoseNothing() async throws {
        var durable = IntegrationSupport.RedisOptions()
        durable.isPersistent = true
        try await RabbitMQServer.withServer { source in
            try await RedisServer.withServer(durable) { sink in
                try await TCPProxy.withProxy(to: source.port) { toSource in
                    try await TCPProxy.withProxy(to: sink.port) { toSink in
                        try await rideThrough(source, sink, toSource, toSink)
                    }
                }
            }
        }
    }

    private func rideThrough(
        _ source: RabbitMQServer,
        _ sink: RedisServer,
        _ toSource: TCPProxy,
        _ toSink: TCPProxy
    ) async throws {
        let feeder = try await BrokerKind.amqp.connect(port: source.port)
        try await feeder.sendNumbers(Self.count, to: "jobs")
        await feeder.close()
        let (from, to) = (
            try await BrokerKind.amqp.connect("from", port: toSource.port),
            try await BrokerKind.redis.connect("to", port: toSink.port)
        )
        let consumer = try await BrokerKind.redis.connect("consumer", port: sink.port)
        let jobs = try await consumer.consume(from: "jobs", options: ConsumeOptions(prefetch: 500))
        let bridge = Bridge(from: from, to: to) { Forward(queue: "jobs") }
        let arrived = try await withThrowingTaskGroup(of: Numbered?.self) { group in
            group.addTask {
                try await bridge.run()
                return nil
            }
            group.addTask {
                var arrived = Numbered()
                while arrived.count < Self.count, let job = try await jobs.next() {
                    arrived.add(job.message.text)
                    // One whose link was lost comes again.
                    try? job.ack()
                }
                return arrived
            }
            let trouble: [@Sendable () async throws -> Void] = [
                { try await toSource.cut() }, { try await toSink.cut() },
                { try await sink.restart() },
                {
                    try await toSource.cut(.close)
                    try await toSink.cut(.close)
                },
                { try await source.restart() },
                {
                    try await toSink.refuseConnections()
                    try await toSink.cut()
                    try await Task.sleep(for: .milliseconds(500))
                    try await toSink.acceptConnections()
                },
            ]
            for (number, happen) in trouble.enumerated() {
                let progress = (number + 1) * Self.count / (trouble.count + 1)
                try await until { (bridge.reports.first?.statistics.forwarded ?? 0) >= progress }
                try await happen()
            }
            defer { group.cancelAll() }
            while let result = try await group.next() { if let result { return result } }
            throw CancellationError()
        }
        print("amqp to redis, restarts and cuts: \(arrived), \(bridge.reports[0].statistics)")
        #expect(arrived.count == Self.count)
        for connection in [from, to, consumer] { await connection.close() }
    }

    /// Topics with a guarantee on both sides, over links that are cut.
    @Test func topicsSurviveLinksThatAreCut() async throws {
        var options = MosquittoOptions()
        options.maximumInFlight = 1_000
        try await MosquittoServer.withServer(options) { server in
            try await TCPProxy.withProxy(to: server.port) { toSource in
                try await TCPProxy.withProxy(to: RabbitMQServer.shared().port) { toSink in
                    var mqtt = MQTTOptions(
                        servers: [.init(host: "127.0.0.1", port: toSource.port)],
                        connection: ConnectionOptions(name: "bridge"),
                        session: .persistent(expiry: .seconds(3_600))
                    )
                    mqtt.reconnect = Backoff(initial: .milliseconds(20), maximum: .milliseconds(200))
                    let from = try await MQTTConnection.connect(mqtt)
                    let to = try await BrokerKind.amqp.connect(port: toSink.port)
                    try await cutWhileFlowing(server, from, to, toSource, toSink)
                    await from.close()
                    await to.close()
                }
            }
        }
    }

    private func cutWhileFlowing(
        _ server: MosquittoServer,
        _ from: any Connection,
        _ to: any Connection,
        _ toSource: TCPProxy,
        _ toSink: TCPProxy
    ) async throws {
        let topic = TopicName("chaos\(String(UInt64.random(in: 0...UInt64.max), radix: 36)).numbers")
        let publisher = try await BrokerKind.mqtt.connect(port: server.port)
        let subscriber = try await BrokerKind.amqp.connect()
        let heard = try await subscriber.subscribe(
            to: TopicPattern(topic),
            options: SubscribeOptions(guarantee: .atLeastOnce)
        )
        let bridge = Bridge(from: from, to: to) {
            Forward(TopicPattern(topic), options: RouteOptions(guarantee: .atLeastOnce))
        }
        let arrived = try await withThrowingTaskGroup(of: Numbered?.self) { group in
            group.addTask {
                try await bridge.run()
                return nil
            }
            try await bridge.waitUntilReady(within: .seconds(60))
            group.addTask {
                try await publisher.publishNumbers(Self.count, to: topic)
                return nil
            }
            group.addTask {
                var arrived = Numbered()
                while arrived.count < Self.count, let delivery = try await heard.next() {
                    arrived.add(delivery.message.text)
                }
                return arrived
            }
            for number in 1...6 {
                try await until { bridge.reports[0].statistics.forwarded >= number * Self.count / 7 }
                if number != 2 { try await toSource.cut(number.isMultiple(of: 2) ? .close : .reset) }
                if number != 1 { try await toSink.cut(number.isMultiple(of: 2) ? .reset : .close) }
            }
            defer { group.cancelAll() }
            while let result = try await group.next() { if let result { return result } }
            throw CancellationError()
        }
        print("mqtt to amqp, links cut: \(arrived), \(bridge.reports[0].statistics)")
        #expect(arrived.count == Self.count)
        await publisher.close()
        await subscriber.close()
    }
}
