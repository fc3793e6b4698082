import IntegrationSupport
import Martlet
import Testing

/// The envelope that the documentation of earlier versions of commlib-py has for topics: who wants it chooses it, and a reader
/// tells by itself.
@Suite(.timeLimit(.minutes(10))) struct FormatTests {
    private func check(_ data: JSON?, is body: JSON) throws {
        #expect(data?["data"] == body)
        #expect(data?["header"]?["timestamp"]?.integer ?? 0 > 1_700_000_000_000_000_000)
        #expect(data?["header"]?["reply_to"] == "")
        #expect(
            data?["header"]?["properties"] == ["content_type": "application/json", "content_encoding": "utf8"]
        )
    }

    @Test(arguments: Broker.remote) func aConnectionWritesIt(broker: Broker) async throws {
        try await Stage.with(broker, ConnectionOptions(format: .envelope)) { stage in
            try await stage.withPeer("subscribe") { peer in
                try await stage.probe(peer, stage.name, ["number": -1])
                let topic = Topic<Reading>(TopicName(stage.name))
                try await stage.connection.publish(Reading.sample(3), to: topic)
                var event = try await peer.next("message")
                while event["data"]?["data"]?["number"] == -1 { event = try await peer.next("message") }
                try check(event["data"], is: Reading.sample(3).json)
                // And a publish that wants the body alone has it.
                try await stage.connection.publish(
                    Reading.sample(4),
                    to: topic,
                    options: PublishOptions(format: .plain)
                )
                try await #expect(peer.next("message")["data"] == Reading.sample(4).json)
            }
        }
    }

    @Test(arguments: Broker.remote) func aPublishWritesIt(broker: Broker) async throws {
        try await Stage.with(broker) { stage in
            try await stage.withPeer("subscribe") { peer in
                try await stage.probe(peer, stage.name, ["number": -1])
                let topic = Topic<Reading>(TopicName(stage.name))
                try await stage.connection.publish(
                    Reading.sample(3),
                    to: topic,
                    options: PublishOptions(format: .envelope)
                )
                try await check(stage.message(peer)["data"], is: Reading.sample(3).json)
                try await stage.connection.publish(Reading.sample(4), to: topic)
                try await #expect(peer.next("message")["data"] == Reading.sample(4).json)
            }
        }
    }

    /// One topic, both formats, in both of the shapes that peers give the envelope.
    @Test(arguments: Broker.remote) func aReaderTellsThemApart(broker: Broker) async throws {
        try await Stage.with(broker) { stage in
            let subscription = try await stage.connection.subscribe(to: Topic<Reading>(TopicName(stage.name)))
            let properties: JSON = ["content_type": "application/json", "content_encoding": "utf8"]
            let messages: JSON = [
                Reading.sample(0).json,
                [
                    "data": Reading.sample(1).json,
                    "header": ["timestamp": 1_795_225_731_391_319_550, "reply_to": "", "properties": properties],
                ],
                Reading.sample(2).json,
                [
                    "header": ["timestamp": 1_795_225_731_391_319_550, "properties": properties],
                    "data": Reading.sample(3).json,
                ],
            ]
            try await stage.withPeer("publish", ["names": [.string(stage.name)], "messages": messages]) { _ in
                for number in 0..<4 {
                    let received = try await subscription.next()
                    #expect(received?.value == Reading.sample(number))
                    let time = received?.headers.timestamp
                    // The property of AMQP is not read: it is in seconds, and its peers mean others.
                    #expect(number.isMultiple(of: 2) == (time == nil), "message \(number): \(time ?? 0)")
                }
            }
        }
    }

    /// Whatever the format, what Martlet sends itself arrives as it was.
    @Test(arguments: Broker.remote, MessageFormat.allCases)
    func headersArrive(broker: Broker, format: MessageFormat) async throws {
        try await Stage.with(broker, ConnectionOptions(format: format)) { stage in
            let topics = try await stage.connection.subscribe(to: TopicPattern(stage.name))
            let queue = try await stage.connection.consume(from: QueueName("\(stage.name).queue"))
            let headers: Headers = [
                "answer": "42", "text": "é", "bytes": .bytes([0, 255]), "content-type": "text/plain",
            ]
            for message in [Message("{}"), Message("x", headers: headers), Message([0, 1, 255], headers: headers)] {
                try await stage.connection.publish(message, to: TopicName(stage.name))
                try await stage.connection.send(message, to: QueueName("\(stage.name).queue"))
                for subscription in [topics, queue] {
                    let delivery = try await subscription.next()
                    #expect(delivery?.message.body == message.body)
                    for (name, value) in message.headers {
                        #expect(delivery?.message.headers[name] == value, "\(name)")
                    }
                    try delivery?.ack()
                }
            }
        }
    }
}
