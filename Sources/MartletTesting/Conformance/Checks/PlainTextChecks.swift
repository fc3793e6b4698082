import Martlet

extension ConformanceSuite {
    /// Values as plain text, which no message says that it is.
    public static let plainText: [ConformanceCheck] = [
        ConformanceCheck(
            "plain text is the bytes and nothing else",
            crosses: .not("a bridge marks what it has passed on"),
            tolerates: .delay
        ) { environment in
            let publisher = try await environment.connect()
            let reader = try await environment.connect(at: .sink)
            let topic = environment.topic("plain")
            let deliveries = try await reader.subscribe(to: TopicPattern(topic))
            let texts = Publisher(to: Topic<String?>(topic), on: publisher, codec: PlainText())
            for text in ["ON", "21.5", "{", "\"a\"", "null"] { try await texts.publish(text) }
            try await publisher.publish(true, to: Topic(topic), codec: PlainText())
            try await publisher.publish(21.123456, to: Topic(topic), codec: PlainText(decimals: 2))
            try await publisher.publish(["t": 21.123456], to: Topic(topic), codec: PlainText())
            try await texts.publish(nil)
            for expected in ["ON", "21.5", "{", "\"a\"", "null", "1", "21.12", #"{"t":21.1235}"#, ""] {
                let message = try await deliveries.next()?.message
                try environment.expect(message?.text, equals: expected, "the body")
                try environment.expect(message?.headers.contentType, equals: nil, "the content type")
                // An envelope would have one.
                try environment.expect(message?.headers.timestamp, equals: nil, "the time")
            }
        },

        ConformanceCheck("a subscriber of plain text reads what devices publish", tolerates: .delay) { environment in
            let publisher = try await environment.connect()
            let reader = try await environment.connectQuietly(at: .sink)
            let topic = environment.topic("devices")
            let states = try await reader.subscribe(to: Topic<Bool>(topic), codec: PlainText())
            let texts = try await reader.subscribe(to: Topic<String>(topic), codec: PlainText())
            let unaware = try await reader.subscribe(to: Topic<String>(topic))
            for text in ["ON", "off", "online", "1"] { try await publisher.publish(Message(text), to: topic) }
            // Whatever it says of itself.
            let foreign = Message("on", headers: [Headers.Standard.contentType: "application/x-unknown"])
            try await publisher.publish(foreign, to: topic)
            try await publisher.publish(Message("\"end\""), to: topic)
            try await environment.expect(states.values(4), equals: [true, false, true, true], "the truth values")
            try await environment.expect(
                texts.values(6),
                equals: ["ON", "off", "online", "1", "on", "\"end\""],
                "the texts"
            )
            try await environment.expect(unaware.values(1), equals: ["end"], "what is read as JSON")
            // Five that are no JSON text for the last one.
            try await environment.eventually { reader.statistics.undecodable >= 5 }
        },

        ConformanceCheck("a connection of plain text has its own", tolerates: .delay) { environment in
            let options = ConnectionOptions(codecs: Codecs(writer: PlainText()))
            let (publisher, reader) = try await environment.connectBoth(options)
            let topic = Topic<Bool>(environment.topic("switch"))
            let states = try await reader.subscribe(to: topic)
            let bodies = try await reader.subscribe(to: TopicPattern(topic.name))
            try await publisher.publish(true, to: topic)
            try await publisher.publish(Message("OFF"), to: topic.name)
            try await environment.expect(states.values(2), equals: [true, false], "the truth values")
            try await environment.expect(bodies.next()?.message.text, equals: "1", "the body")
        },
    ]
}
