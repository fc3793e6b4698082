import BridgeSupport
import Foundation
import IntegrationSupport
import Martlet
import MartletAMQP
import MartletMQTT
import MartletTesting
import Testing

/// Names that cross from one broker to another, byte by byte.
@Suite(.serialized, .timeLimit(.minutes(60))) struct NameTests {
    /// Connections to two brokers of MQTT that nobody else uses, two to each.
    private func withTwo(
        _ version: MQTTVersion,
        _ body: (_ from: MQTTConnection, _ to: MQTTConnection, _ a: MQTTConnection, _ b: MQTTConnection) async throws ->
            Void
    ) async throws {
        func options(_ server: MosquittoServer) -> MQTTOptions {
            MQTTOptions(servers: [.init(host: "127.0.0.1", port: server.port)], version: version)
        }
        try await MosquittoServer.withServer { source in
            try await MosquittoServer.withServer { sink in
                try await MQTTConnection.withConnection(options(source)) { from in
                    try await MQTTConnection.withConnection(options(sink)) { to in
                        try await MQTTConnection.withConnection(options(source)) { a in
                            try await MQTTConnection.withConnection(options(sink)) { b in
                                try await body(from, to, a, b)
                            }
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: MQTTVersion.allCases) func everyTopicPassesUnchanged(_ version: MQTTVersion) async throws {
        let topics = [
            "plain/ok", "zigbee2mqtt/Living Room Lamp", "/devices/a/temp", "a//b", "trail/", "star*x/y",
            "spBv1.0/g/DBIRTH/e", "shelly-1.2/relay/0", "x/caf\u{E9}", "x/cafe\u{301}", "/", "%2F/%252F", "*", " ",
            "owntracks/user@example.org/phone", "a b/c.d/%2E/#".replacing("#", with: "%23"),
        ]
        try await withTwo(version) { from, to, a, b in
            let bridge = Bridge(from: from, to: to) { Forward("#") }
            let heard = try await b.subscribe(to: "#")
            try await bridge.whileRunning(readyWithin: .seconds(60)) {
                for topic in topics { try await a.publish(Message(topic), to: TopicName(mqtt: topic)) }
                for topic in topics {
                    let delivery = try #require(try await heard.next())
                    #expect(delivery.topic.mqtt.utf8.elementsEqual(topic.utf8), "\(delivery.topic.mqtt) for \(topic)")
                    #expect(delivery.message.text?.utf8.elementsEqual(topic.utf8) == true)
                }
            }
            #expect(bridge.reports[0].statistics.lost == 0)
        }
    }

    @Test func capturesAreTheBrokersLevels() async throws {
        try await withTwo(.v5) { from, to, a, b in
            let bridge = Bridge(from: from, to: to) {
                Forward(TopicPattern(mqtt: "owntracks/+/+"), as: "site.{2}.of.{1}")
                Forward(TopicPattern(mqtt: "spBv1.0/#"))
            }
            let heard = try await b.subscribe(to: "#")
            let passages = [
                ("owntracks/user@example.org/phone", "site/phone/of/user@example.org"),
                ("owntracks/user@example.org/tablet", "site/tablet/of/user@example.org"),
                ("owntracks/a b/", "site//of/a b"), ("spBv1.0/g/NCMD/e", "spBv1.0/g/NCMD/e"),
            ]
            try await bridge.whileRunning(readyWithin: .seconds(60)) {
                for (topic, made) in passages {
                    try await a.publish(Message(topic), to: TopicName(mqtt: topic))
                    let delivery = try #require(try await heard.next())
                    #expect(delivery.topic.mqtt == made)
                    #expect(delivery.message.text == topic)
                }
            }
        }
    }

    /// How many random topics go by way of another kind of broker.
    private static let topicCount =
        ProcessInfo.processInfo.environment["MARTLET_TOPICS"].flatMap(Int.init) ?? 4_000

    /// Runs `body` with two connections to a broker where all names are its own.
    private func withWay(
        _ way: BrokerKind,
        _ body: (_ near: any Connection, _ far: any Connection) async throws -> Void
    ) async throws {
        switch way {
        case .amqp:
            let server = try await RabbitMQServer.shared()
            var options = AMQPOptions(servers: [.init(host: "127.0.0.1", port: server.port)])
            options.virtualHost = try await server.addVirtualHost()
            try await AMQPConnection.withConnection(options) { near in
                try await AMQPConnection.withConnection(options) { far in try await body(near, far) }
            }
        case .redis:
            try await RedisServer.withServer { server in
                let (near, far) = (try await way.connect(port: server.port), try await way.connect(port: server.port))
                try await body(near, far)
                for connection in [near, far] { await connection.close() }
            }
        case .mqtt, .embedded:
            let broker = MemoryBroker()
            let (near, far) = (try await broker.connect(), try await broker.connect())
            try await body(near, far)
            for connection in [near, far] { await connection.close() }
        }
    }

    /// By way of another kind of broker, and back.
    @Test(arguments: [BrokerKind.amqp, .redis, .embedded])
    func randomTopicsComeBackFromAnotherKindOfBroker(by way: BrokerKind) async throws {
        try await withWay(way) { try await passRandomTopics($0, $1) }
    }

    private func passRandomTopics(_ near: any Connection, _ far: any Connection) async throws {
        var random = SplitMix64(seed: 11)
        var made: Set<ByteKey> = []
        while made.count < Self.topicCount { made.insert(ByteKey(RandomTopic.make(&random))) }
        let topics = made.map(\.text)
        try await withTwo(.v5) { from, to, a, b in
            let out = Bridge(from: from, to: near, name: "out") { Forward("#") }
            let back = Bridge(from: far, to: to, name: "back") { Forward("#") }
            let heard = try await b.subscribe(to: "#", options: SubscribeOptions(limit: 1_024))
            try await back.whileRunning(readyWithin: .seconds(60)) {
                try await out.whileRunning(readyWithin: .seconds(60)) {
                    for start in stride(from: 0, to: topics.count, by: 200) {
                        let batch = topics[start..<min(start + 200, topics.count)]
                        // No JSON, whose white space Redis' envelope leaves out.
                        for topic in batch { try await a.publish(Message("=\(topic)"), to: TopicName(mqtt: topic)) }
                        var missing = Set(batch.map { ByteKey($0) })
                        while !missing.isEmpty {
                            let delivery = try #require(try await heard.next())
                            let text = delivery.message.text ?? "?"
                            #expect(text.hasSameBytes(as: "=\(delivery.topic.mqtt)"), "\(text)")
                            #expect(missing.remove(ByteKey(delivery.topic.mqtt)) != nil)
                        }
                    }
                }
            }
            #expect(out.reports[0].statistics.lost == 0 && back.reports[0].statistics.lost == 0)
        }
    }

    /// What MQTT can't carry becomes a dead letter that says why.
    @Test func whatCannotPassIsADeadLetter() async throws {
        try await Ends.with(BrokerPair(from: .embedded, to: .mqtt)) { ends in
            let dead = QueueName("\(ends.here).dead")
            let letters = try await ends.a.consume(from: dead)
            let bridge = Bridge(from: ends.from, to: ends.to) {
                Forward(TopicPattern("\(ends.here).#"), options: RouteOptions(deadLetters: DeadLetters(to: dead)))
            }
            try await bridge.whileRunning(readyWithin: .seconds(60)) {
                let topic = TopicName(segments: [ends.here, "line\n"])
                try await ends.a.publish(Message("x"), to: topic)
                let letter = try #require(try await letters.next())
                try letter.ack()
                #expect(letter.message.headers[Headers.Standard.deathReason]?.string?.contains("invalid-topic") == true)
                #expect(letter.message.headers[Headers.Standard.deathTopic]?.string == topic.text)
            }
        }
    }
}
