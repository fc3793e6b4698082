import Martlet

extension ConformanceSuite {
    private struct Door: Codable, Sendable, Hashable {
        var open: Bool
    }

    /// An event as any reader of JSON sees it.
    private struct BareEvent: Codable, Sendable {
        struct Header: Codable, Sendable {
            enum CodingKeys: String, CodingKey {
                case messageID = "msg_id"
                case nodeID = "node_id"
                case agent
                case timestamp
            }

            var messageID: Int
            var nodeID: String
            var agent: String
            var timestamp: Int64
        }

        var header: Header
        var name: String
        var uri: String
        var description: String
        var payload: Door
    }

    /// Events.
    public static let events: [ConformanceCheck] = [
        ConformanceCheck("an event reaches its listeners as it was told", tolerates: reliableFaults) { environment in
            let teller = try await environment.connect()
            let listener = try await environment.connect(at: .sink)
            let uri = environment.topic("events.door")
            let listeners = [
                try await listener.listen(to: TopicPattern(uri), for: Door.self),
                try await listener.listen(to: environment.pattern("events.#"), for: Door.self),
            ]
            let emitter = EventEmitter(on: teller, nodeID: "house")
            let told = try await emitter.emit("Opened", at: uri, description: "d", payload: Door(open: true))
            try environment.expect(told.header.nodeID, equals: "house", "who tells it")
            for listener in listeners {
                try await environment.expect(listener.next(), equals: told, "the event that is heard")
            }
        },

        ConformanceCheck("many events of many kinds are told over one connection", tolerates: .delay) { environment in
            let (writer, reader) = try await environment.connectBoth()
            let doors = try await reader.listen(to: environment.pattern("doors.*"), for: Door.self)
            let lights = try await reader.listen(to: environment.pattern("lights"), for: NoPayload.self)
            let numbers = try await reader.listen(to: environment.pattern("numbers"), for: Int.self)
            let emitter = EventEmitter(on: writer)
            for round in 0..<20 {
                try await emitter.emit("Opened", at: environment.topic("doors.front"), payload: Door(open: true))
                try await emitter.emit("Switched", at: environment.topic("lights"))
                try await emitter.emit("Counted", at: environment.topic("numbers"), payload: round)
            }
            for round in 0..<20 {
                let door = try await doors.next()
                try environment.expect(door?.header.messageID, equals: .integer(Int64(round * 3)), "a door's number")
                let light = try await lights.next()
                let number = HeaderValue.integer(Int64(round * 3 + 1))
                try environment.expect(light?.header.messageID, equals: number, "a light's number")
                try await environment.expect(numbers.next()?.payload, equals: round, "the payload")
            }
        },

        ConformanceCheck("an event is one object of plain JSON", tolerates: reliableFaults) { environment in
            let (writer, reader) = try await environment.connectBoth()
            let uri = environment.topic("events.bare")
            let subscription = try await reader.subscribe(to: TopicPattern(uri))
            let header = MessageHeader(messageID: 7, nodeID: "n1", timestamp: 5)
            let event = Event(name: "Opened", uri: uri, description: "d", payload: Door(open: true), header: header)
            try await EventEmitter(on: writer).emit(event)
            let body = try await subscription.delivery(environment).message.body
            let bare = try JSONCodec().decode(BareEvent.self, from: body)
            try environment.expect(bare.header.messageID, equals: 7, "the header's msg_id")
            try environment.expect(bare.header.nodeID, equals: "n1", "the header's node_id")
            try environment.expect(bare.header.agent, equals: "martlet", "the header's agent")
            try environment.expect(bare.header.timestamp, equals: 5, "the header's timestamp")
            try environment.expect(bare.name, equals: "Opened", "the name")
            try environment.expect(bare.uri, equals: uri.text, "the uri")
            try environment.expect(bare.description, equals: "d", "the description")
            try environment.expect(bare.payload, equals: Door(open: true), "the payload")
        },

        ConformanceCheck("what other writers leave out of an event is not missed", tolerates: reliableFaults) {
            environment in
            let (writer, reader) = try await environment.connectBoth()
            let bodies = [
                "new": #"{"header":{"msg_id":1},"payload":{"open":true}}"#,
                "old": #"{"name":"Opened","data":{"open":true}}"#,
            ]
            for (name, body) in bodies {
                let topic = environment.topic("foreign.\(name)")
                let listener = try await reader.listen(to: TopicPattern(topic), for: Door.self)
                try await writer.publish(Message(body), to: topic)
                let event = try await listener.next()
                try environment.expect(event?.payload, equals: Door(open: true), "the payload")
                try environment.expect(event?.uri, equals: topic, "the uri, which is where it was told")
            }
        },

        ConformanceCheck("what is no such event is skipped and counted", tolerates: .delay) { environment in
            let teller = try await environment.connect()
            let listener = try await environment.connectQuietly(at: .sink)
            let uri = environment.topic("events.mixed")
            let doors = try await listener.listen(to: TopicPattern(uri), for: Door.self)
            for text in ["", #"{"payload":{"open":"perhaps"}}"#] { try await teller.publish(Message(text), to: uri) }
            try await EventEmitter(on: teller).emit("Opened", at: uri, payload: Door(open: true))
            try await environment.expect(doors.next()?.name, equals: "Opened", "the event that is heard")
            try environment.expect(listener.statistics.undecodable, equals: 2, "the count of what was skipped")
        },
    ]
}
