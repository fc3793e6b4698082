import Martlet
import Testing

/// What the article on codecs shows.
@Suite(.timeLimit(.minutes(10))) struct CodecExamples {
    @Test func aSystemChangesItsFormat() throws {
        let reading = ConnectionOptions(codecs: Codecs(readers: [MessagePackCodec()]))
        let writing = ConnectionOptions(codecs: Codecs(writer: MessagePackCodec()))
        let message = try writing.codecs.message(["distance": 2.5])
        #expect(message.headers.contentType == "application/msgpack")
        let value: [String: Double] = try reading.codecs.value(of: message)
        #expect(value == ["distance": 2.5])
    }

    @Test func devicesPublishPlainText() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect()
        let power = try await connection.subscribe(to: Topic<Bool>("stat.lamp.POWER"), codec: PlainText())
        let target = Publisher(to: Topic<Double>("heating.target"), on: connection, codec: PlainText(decimals: 1))
        try await connection.publish(Message("ON"), to: "stat.lamp.POWER")
        #expect(try await power.next()?.value == true)
        let heard = try await connection.subscribe(to: "heating.target")
        try await target.publish(21.47)
        #expect(try await heard.next()?.message.text == "21.5")

        let devices = ConnectionOptions(codecs: Codecs(writer: PlainText()))
        #expect(try devices.codecs.message(true).text == "1")
    }

    @Test func valuesOfNoType() async throws {
        let connection = try await MemoryBroker().connect()
        let anything = try await connection.subscribe(to: Topic<JSON>("readings"))
        try await connection.publish(["sensor": "north", "values": [21.5, 22]], to: Topic<JSON>("readings"))
        let first = try await anything.next()?.value["values", 0]?.double
        #expect(first == 21.5)
    }

    struct Move: Codable, Defaulted {
        var target = 0
        var speed = 1.5
    }

    @Test func whatIsMissingHasADefault() throws {
        let move: Move = try Codecs().value(of: Message(#"{"target": 5}"#))
        #expect(move.target == 5 && move.speed == 1.5)
    }
}
