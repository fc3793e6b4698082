import IntegrationSupport
import Martlet
import MartletAMQP
import MartletMQTT
import MartletRedis
import Testing

/// What small devices publish, by programs that know nothing of Martlet, and what such programs read.
@Suite(.timeLimit(.minutes(10))) struct DeviceTextTests {
    private struct Climate: Codable, Hashable { var temperature: Double }

    /// The topics and bodies of Tasmota, Shelly, ESPHome and zigbee2mqtt.
    private static let published = [
        ("stat/lamp/POWER", "ON"), ("shellies/plug/relay/0", "off"), ("shellies/plug/relay/0/power", "21.5"),
        ("esphome/kitchen/status", "online"), ("zigbee2mqtt/Living Room", #"{"temperature":21.5}"#),
    ]

    private static func connect(_ setup: BrokerSetup) async throws -> any Connection {
        try await setup.connect(to: setup.server(), port: setup.server().port, ConnectionOptions())
    }

    /// Reads each of them as what it is.
    private func expectDevices(
        on connection: any Connection,
        below base: String,
        publish: ([(topic: TopicName, text: String)]) async throws -> Void
    ) async throws {
        let names = Self.published.map { TopicName(segments: [base] + TopicName(mqtt: $0.0).segments) }
        let plain = PlainText()
        let power = try await connection.subscribe(to: Topic<Bool>(names[0]), codec: plain)
        let relay = try await connection.subscribe(to: Topic<Bool>(names[1]), codec: plain)
        let watts = try await connection.subscribe(to: Topic<Double>(names[2]), codec: plain)
        let status = try await connection.subscribe(to: Topic<String>(names[3]), codec: plain)
        let climate = try await connection.subscribe(to: Topic<Climate>(names[4]), codec: plain)
        try await publish(zip(names, Self.published).map { ($0, $1.1) })
        #expect(try await power.next()?.value == true)
        #expect(try await relay.next()?.value == false)
        #expect(try await watts.next()?.value == 21.5)
        #expect(try await status.next()?.value == "online")
        #expect(try await climate.next()?.value == Climate(temperature: 21.5))
    }

    @Test(arguments: [BrokerSetup.mqtt5, .mqtt311, .own5, .own311]) func mosquittosProgramsSpeakIt(_ setup: BrokerSetup)
        async throws
    {
        let connection = try await Self.connect(setup)
        let port = try await setup.server().port
        let isNew = setup == .mqtt5 || setup == .own5
        let base = "devices-\(isNew ? 5 : 311)"
        let server = ["-h", "127.0.0.1", "-p", "\(port)", "-V", isNew ? "5" : "311"]
        let publisher = try Program.find("mosquitto_pub", package: "mosquitto-clients")
        try await expectDevices(on: connection, below: base) { messages in
            for (topic, text) in messages {
                try await Program.run(publisher, server + ["-q", "1", "-t", topic.mqtt, "-m", text])
            }
        }
        // And the other way round.
        let values = TopicName(segments: [base, "set"])
        let retained = PublishOptions(guarantee: .atLeastOnce, retain: true)
        let subscriber = try Program.find("mosquitto_sub", package: "mosquitto-clients")
        for (value, text) in [(PlainValue.truth, "1"), (.number, "21.1235"), (.text, "ON"), (.nothing, "")] {
            let topic = values.appending("\(value)")
            switch value {
            case .truth: try await connection.publish(true, to: Topic(topic), options: retained, codec: PlainText())
            case .number:
                try await connection.publish(21.123456, to: Topic(topic), options: retained, codec: PlainText())
            case .text: try await connection.publish("ON", to: Topic(topic), options: retained, codec: PlainText())
            case .nothing:
                // Nothing is kept of nothing.
                try await connection.publish("x", to: Topic(topic), options: retained, codec: PlainText())
                try await connection.publish(Int?.none, to: Topic(topic), options: retained, codec: PlainText())
                let kept = try await connection.subscribe(to: TopicPattern(topic))
                try await connection.publish(Message("end"), to: topic)
                #expect(try await kept.next()?.message.text == "end")
                continue
            }
            let format = isNew ? "%p|%C|%P" : "%p||"
            let seen = try await Program.run(
                subscriber,
                server + ["-t", topic.mqtt, "-C", "1", "-W", "60", "-F", format]
            )
            #expect(seen.trimmingSuffix(while: \.isNewline) == "\(text)||")
        }
        await connection.close()
    }

    private enum PlainValue { case truth, number, text, nothing }

    @Test func redisCommandsSpeakIt() async throws {
        let redis = try #require(try await Self.connect(.redis) as? RedisConnection)
        try await expectDevices(on: redis, below: "devices") { messages in
            for (topic, text) in messages {
                try await redis.command("PUBLISH", RedisArgument(topic.text), RedisArgument(text))
            }
        }
        await redis.close()
    }

    @Test func amqpChannelsSpeakIt() async throws {
        let broker = try #require(try await Self.connect(.amqp) as? AMQPConnection)
        try await expectDevices(on: broker, below: "devices") { messages in
            try await broker.withChannel { channel in
                for (topic, text) in messages {
                    try await channel.publish(AMQPMessage(text), to: "amq.topic", routingKey: topic.text)
                }
            }
        }
        // And the other way round: the properties are as empty as a foreign program would leave them.
        let queue = try await broker.declare(AMQPQueue("", isDurable: false, isExclusive: true))
        try await broker.bindQueue(AMQPBinding(from: "amq.topic", to: queue.name, routingKey: "devices.set"))
        try await broker.publish(
            true,
            to: Topic("devices.set"),
            options: PublishOptions(guarantee: .atLeastOnce),
            codec: PlainText()
        )
        let seen = try await broker.withChannel { try await $0.get(from: queue.name, noAck: true) }
        #expect(seen?.message.body == Array("1".utf8))
        #expect(seen?.message.properties.contentType == nil)
        #expect(seen?.message.properties.headers == nil)
        await broker.close()
    }
}

extension String {
    fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> Substring {
        var text = self[...]
        while let last = text.last, isTrimmed(last) { text.removeLast() }
        return text
    }
}
