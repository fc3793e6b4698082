import IntegrationSupport
import Martlet

/// Topics, events and heartbeats.
extension Stage {
    /// Publishes until the peer tells of it: from then on nothing is missed. Its library does not tell when it has
    /// subscribed.
    func probe<Value: Codable & Sendable>(
        _ peer: PythonPeer,
        _ topic: String,
        _ value: Value,
        options: PublishOptions = PublishOptions()
    ) async throws {
        try await peer.next("ready")
        _ = try await withThrowingTaskGroup(of: JSON?.self) { group in
            group.addTask {
                while true {
                    try await connection.publish(value, to: Topic<Value>(TopicName(topic)), options: options)
                    try await Task.sleep(for: .milliseconds(20))
                }
            }
            group.addTask { try await peer.next("message") }
            defer { group.cancelAll() }
            return try await group.next()
        }
    }

    /// The next message that a peer tells of and that is no probe.
    func message(_ peer: PythonPeer) async throws -> JSON {
        while true {
            let event = try await peer.next("message")
            if event["data"]?["number"] != -1 { return event }
        }
    }

    func publishToPython() async throws {
        try await withPeer("subscribe", ["type": "reading"]) { peer in
            try await probe(peer, name, Reading())
            for number in 0..<20 {
                // One by one: commlib-py's queues hold ten messages on AMQP, and lose the oldest.
                try await connection.publish(Reading.sample(number), to: Topic<Reading>(TopicName(name)))
                try await require(message(peer)["data"], is: Reading.sample(number).json, "message \(number)")
            }
        }
    }

    func subscribeToPython() async throws {
        let subscription = try await connection.subscribe(to: Topic<Reading>(TopicName(name)))
        let messages = JSON.array((0..<20).map { Reading.sample($0).json })
        let arguments: [String: JSON] = ["names": [.string(name)], "type": "reading", "messages": messages]
        try await withPeer("publish", arguments) { _ in
            for number in 0..<20 {
                let received = try await subscription.next()
                try require(received?.value, is: Reading.sample(number), "message \(number)")
                try require(received?.topic.text, is: name, "the topic")
            }
        }
    }

    func publishToPythonsPattern() async throws {
        try await withPeer("subscribe_to_pattern", ["name": .string("\(name).*"), "type": "reading"]) { peer in
            try await probe(peer, "\(name).a", Reading())
            for number in 0..<10 {
                let topic = "\(name).\(number.isMultiple(of: 2) ? "a" : "b")"
                try await connection.publish(Reading.sample(number), to: Topic<Reading>(TopicName(topic)))
                let event = try await message(peer)
                try require(event["data"], is: Reading.sample(number).json, "message \(number)")
                // On MQTT it tells the name on the wire.
                let told = event["topic"]?.string.map { String($0.map { $0 == "/" ? "." : $0 }) }
                try require(told, is: topic, "the topic")
            }
        }
    }

    func subscribeByPattern() async throws {
        let subscription = try await connection.subscribe(to: TopicFilter<Reading>(TopicPattern("\(name).*")))
        let names = ["\(name).a", "\(name).b"]
        let arguments: [String: JSON] = [
            "names": .array(names.map { .string($0) }), "type": "reading",
            "messages": .array((0..<10).map { Reading.sample($0).json }),
        ]
        try await withPeer("publish", arguments) { _ in
            var numbers: [String: [Int]] = [:]
            for _ in 0..<20 {
                guard let received = try await subscription.next() else { throw Mismatch(description: "it ended") }
                try require(received.value, is: .sample(received.value.number), "a message")
                numbers[received.topic.text, default: []].append(received.value.number)
            }
            for name in names { try require(numbers[name], is: Array(0..<10), "the messages of \(name)") }
        }
    }

    func emitToPython() async throws {
        try await withPeer("subscribe", ["type": "event"]) { peer in
            let topic = TopicName(name)
            let emitter = EventEmitter(on: connection, nodeID: "hall")
            try await probe(peer, name, Event(name: "Probe", uri: topic))
            for isOpen in [true, false] {
                let told = try await emitter.emit("DoorMoved", at: topic, payload: Door(open: isOpen))
                var event = try await peer.next("message")
                while event["data"]?["payload"] == [:] { event = try await peer.next("message") }
                try require(event["data"]?["payload"], is: ["open": .boolean(isOpen)], "the payload")
                try require(event["data"]?["header"]?["node_id"], is: "hall", "who told it")
                try require(
                    event["data"]?["header"]?["timestamp"],
                    is: .number(Double(told.header.timestamp)),
                    "when it was told"
                )
            }
        }
    }

    func listenToPython() async throws {
        let events = try await connection.listen(to: TopicPattern(name), for: Door.self)
        let header: JSON = ["msg_id": 7, "node_id": "n1", "properties": ["floor": 2]]
        let arguments: [String: JSON] = [
            "names": [.string(name)], "type": "event",
            "messages": [
                ["header": header, "payload": ["open": true]], ["header": header, "payload": ["open": false]],
            ],
        ]
        try await withPeer("publish", arguments) { _ in
            for isOpen in [true, false] {
                guard let event = try await events.next() else { throw Mismatch(description: "it ended") }
                try require(event.payload, is: Door(open: isOpen), "the payload")
                try require(event.uri.text, is: name, "where it was told")
                try require(event.header.messageID, is: 7, "its number")
                try require(event.header.nodeID, is: "n1", "who told it")
                try require(event.header.agent, is: "commlib-py", "what made it")
                try require(event.header.properties, is: ["floor": 2], "its properties")
            }
        }
    }

    func beatForPython() async throws {
        let node = Node(name, on: connection, options: NodeOptions(heartbeat: .every(.milliseconds(50)))) {}
        try await withPeer("subscribe", ["name": .string("\(name).heartbeat")]) { peer in
            try await node.whileRunning {
                var last = 0
                for _ in 0..<3 {
                    guard let time = try await peer.next("message")["data"]?["ts"]?.integer else {
                        throw Mismatch(description: "a heartbeat without its time")
                    }
                    try require(time > last, "the times of heartbeats rise")
                    last = time
                }
            }
        }
    }

    func hearPythonsHeart() async throws {
        let beats = try await connection.subscribe(to: TopicFilter<Heartbeat>(TopicPattern("\(name).heartbeat")))
        let before = Heartbeat().timestamp
        try await withPeer("node") { _ in
            var last = before
            for _ in 0..<3 {
                guard let beat = try await beats.next()?.value else { throw Mismatch(description: "it ended") }
                try require(beat.timestamp > last, "the times of heartbeats rise")
                last = beat.timestamp
            }
        }
    }
}
