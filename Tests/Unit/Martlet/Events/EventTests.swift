import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10)))
struct EventTests {
    private struct Door: Codable, Sendable, Equatable {
        var open: Bool
    }

    private func read<Payload>(_ json: String, _ payload: Payload.Type) throws -> Event<Payload>
    where Payload: Codable & Sendable {
        try JSONCodec().decode(Event<Payload>.self, from: Array(json.utf8))
    }

    // MARK: On the wire

    @Test func itIsWrittenForReadersOfBothAges() throws {
        let event = Event(
            name: "DoorOpened",
            uri: "events.door",
            description: "somebody came",
            payload: Door(open: true),
            header: MessageHeader(messageID: 7, nodeID: "n1", timestamp: 5, properties: ["a": 1, "b": "two"])
        )
        struct New: Codable, Equatable {
            struct Header: Codable, Equatable {
                var message: Int
                var node: String
                var agent: String
                var timestamp: Int

                enum CodingKeys: String, CodingKey {
                    case message = "msg_id"
                    case node = "node_id"
                    case agent
                    case timestamp
                }
            }
            var header: Header
            var payload: Door
        }
        struct Old: Codable, Equatable {
            var name: String
            var uri: String
            var description: String
            var payload: Door
        }
        let body = try JSONCodec().encode(event)
        let header = New.Header(message: 7, node: "n1", agent: "martlet", timestamp: 5)
        #expect(try JSONCodec().decode(New.self, from: body) == New(header: header, payload: Door(open: true)))
        #expect(
            try JSONCodec().decode(Old.self, from: body)
                == Old(name: "DoorOpened", uri: "events.door", description: "somebody came", payload: Door(open: true))
        )
        #expect(try JSONCodec().decode(Event<Door>.self, from: body) == event)
    }

    @Test func whatCommlibWritesIsRead() throws {
        let new = try read(
            #"""
            {"header":{"msg_id":7,"node_id":"n1","agent":"commlib-py","timestamp":1795225872665079907,
            "properties":{"a":1,"b":[1],"c":null,"d":true,"e":1.5}},"payload":{"open":false}}
            """#,
            Door.self
        )
        #expect(new.payload == Door(open: false))
        #expect(new.header.messageID == 7)
        #expect(new.header.nodeID == "n1")
        #expect(new.header.agent == "commlib-py")
        #expect(new.header.timestamp == 1_795_225_872_665_079_907)
        #expect(new.header.properties == ["a": 1, "d": true, "e": 1.5])
        let old = try read(#"{"name":"A","uri":"e.a","description":"","data":{"open":true}}"#, Door.self)
        #expect(old.name == "A")
        #expect(old.uri == "e.a")
        #expect(old.payload == Door(open: true))
        let older = try read(#"{"name":"A","uri":"e.a","payload":{"open":true}}"#, Door.self)
        #expect(older.payload == Door(open: true))
    }

    @Test(arguments: [
        #"{}"#, #"{"payload":null}"#, #"{"payload":[1]}"#, #"{"data":{"a":1}}"#, #"{"header":{},"payload":{}}"#,
        #"{"header":{"msg_id":{},"node_id":[],"timestamp":"x","properties":7},"payload":{}}"#,
    ])
    func aReaderWithoutAPayloadTakesAnything(_ json: String) throws {
        let event = try read(json, NoPayload.self)
        #expect(event.header.messageID == -1)
        #expect(event.header.timestamp == 0)
    }

    @Test(arguments: [#"{}"#, #"{"payload":{}}"#, #"[]"#, #"{"name":7,"payload":{"open":true}}"#])
    func whatIsNoEventThrows(_ json: String) {
        #expect(throws: (any Error).self) { try read(json, Door.self) }
    }

    @Test func aHeaderHasTheTimeOfItsMaking() {
        let first = MessageHeader()
        let second = MessageHeader()
        #expect(first.timestamp > 1_600_000_000_000_000_000)
        #expect(second.timestamp >= first.timestamp)
    }

    // MARK: Telling and listening

    @Test func anEmitterTellsManyEventsOverOneConnection() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect(name: "house")
        let on = try await connection.listen(to: "bedroom.lights.on", for: NoPayload.self)
        let door = try await connection.listen(to: "doors.*", for: Door.self)
        let emitter = EventEmitter(on: connection)
        let first = try await emitter.emit("TurnOnBedroomLights", at: "bedroom.lights.on")
        let second = try await emitter.emit("Opened", at: "doors.front", description: "d", payload: Door(open: true))
        #expect(try await on.next() == first)
        #expect(try await door.next() == second)
        #expect(first.header.messageID == 0)
        #expect(second.header.messageID == 1)
        #expect(first.header.nodeID == "house")
        #expect(broker.presence.clients.count == 1)
    }

    @Test func aHeaderThatSaysWhoSpeaksIsKept() async throws {
        let connection = try await MemoryBroker().connect(name: "house")
        let emitter = EventEmitter(on: connection, nodeID: "n1")
        let header = MessageHeader(messageID: "m", nodeID: "other")
        let told = try await emitter.emit(Event(name: "A", uri: "a", header: header))
        #expect(told.header == header)
        #expect(try await emitter.emit("B", at: "b").header.nodeID == "n1")
    }

    @Test func anEventWithoutUriHasTheTopicItCameBy() async throws {
        let connection = try await MemoryBroker().connect(name: "house")
        let doors = try await connection.listen(to: "doors.*", for: Door.self)
        try await connection.publish(Message(#"{"header":{},"payload":{"open":true}}"#), to: "doors.back")
        #expect(try await doors.next()?.uri == "doors.back")
    }

    @Test func whatCannotBeReadIsSkippedAndCounted() async throws {
        let connection = try await MemoryBroker().connect(name: "house")
        let doors = try await connection.listen(to: "doors.*", for: Door.self)
        try await connection.publish(Message(#"{"payload":{"open":"perhaps"}}"#), to: "doors.front")
        try await EventEmitter(on: connection).emit("Opened", at: "doors.front", payload: Door(open: true))
        #expect(try await doors.next()?.name == "Opened")
        #expect(connection.statistics.undecodable == 1)
    }

    @Test func anEventWithAnInvalidUriIsNotTold() async throws {
        let connection = try await MemoryBroker().connect(name: "house")
        await #expect(throws: MessagingError.self) { try await EventEmitter(on: connection).emit("A", at: "a.*") }
    }
}
