import IntegrationSupport
import MartletMQTTWire
import MartletTesting

/// What a client does that means no good, or is badly broken.
enum Attack: CaseIterable {
    /// Begins with something else than CONNECT.
    case noConnect
    /// Says that a CONNECT of 256 MiB is coming.
    case hugeLength
    /// Says its CONNECT byte by byte.
    case drip
    /// Opens many connections, and says nothing.
    case silence
    /// Subscribes to everything and reads nothing.
    case frozen
    /// Sends one message of QoS 2 again and again.
    case duplicates
    /// Has more messages under way than it was told.
    case tooManyUnderWay
    /// Has a will with a property that no will has.
    case badWill
    /// Says SUBSCRIBE with a length that lies.
    case truncated
    /// Publishes to a topic of 60,000 levels.
    case deepTopic
    /// Says what only a broker says.
    case wrongDirection
    /// Subscribes to much and takes it back, crosswise.
    case storm
    /// Has large messages retained under hundreds of topics.
    case retained
    /// Speaks a version that there is not.
    case refused
    /// Says anything.
    case noise
    /// Takes the place of itself.
    case takeover
    /// Holds a session with a keep-alive of 18 hours.
    case longKeepAlive
    /// Sends a frame of a WebSocket that says it is longer than memory.
    case lyingFrame
    /// Leaves sessions for which messages wait.
    case sessions
    /// Dies with a will that is due later.
    case wills

    /// Does it once. That the broker ends the connection in the middle is its right, and is thrown.
    func strike(_ port: Int, webSocket: Int, _ random: inout SplitMix64) async throws {
        switch self {
        case .noConnect: try await ended(by: [0xC0, 0], port)
        case .hugeLength: try await ended(by: [0x10, 0xFF, 0xFF, 0xFF, 0x7F], port)
        case .refused:
            try await ended(by: [0x10, 14, 0, 4] + Array("MQTT".utf8) + [6, 2, 0, 0, 0, 2, 0x69, 0x64], port)
        case .badWill:
            var properties = PropertyList()
            properties.add(.topicAlias, 1)
            let will = WillMessage(topic: "w", payload: [], qos: .atMostOnce, retain: false, properties: properties)
            let connect = Connect(version: .v5, clientID: "w", will: will)
            try await ended(by: Encoder(.v5).bytes(of: .connect(connect)), port)
        case .drip:
            let socket = try Socket.connecting(to: .loopback(port: port))
            for byte in Encoder(.v5).bytes(of: .connect(Connect(version: .v5, clientID: "drip"))).dropLast() {
                try await socket.sendAll([byte])
                try await Task.sleep(for: .milliseconds(10))
            }
        case .silence:
            let sockets = try (0..<50).map { _ in try Socket.connecting(to: .loopback(port: port)) }
            try await Task.sleep(for: .milliseconds(200))
            withExtendedLifetime(sockets) {}
        case .lyingFrame:
            let client = try await WebSocketClient(webSocket)
            _ = try await client.answer()
            try await client.begin(opcode: 2, length: 1 << 62)
            _ = try await client.frame()
        default: try await strikeConnected(port, &random)
        }
    }

    private func ended(by bytes: [UInt8], _ port: Int) async throws {
        let socket = try Socket.connecting(to: .loopback(port: port))
        try await socket.sendAll(bytes)
        _ = try await socket.receiveEnd()
    }

    private func strikeConnected(_ port: Int, _ random: inout SplitMix64) async throws {
        let number = Int.random(in: 0..<5, using: &random)
        let client = try await WireClient.connected(
            port,
            self == .takeover ? "taken" : "\(self)-\(number)",
            expiry: self == .sessions || self == .longKeepAlive ? .max : nil,
            will: self == .wills ? Self.will(number) : nil,
            keepAlive: self == .longKeepAlive ? .max : 0
        )
        switch self {
        case .frozen:
            try await client.subscribe(.init("#", qos: .exactlyOnce))
            try await Task.sleep(for: .seconds(1))
        case .duplicates:
            for number in 0..<500 {
                var publish = Publish(topic: "twice", payload: [1], qos: .exactlyOnce, packetID: 1)
                publish.isDuplicate = number > 0
                try await client.send(.publish(publish))
            }
        case .tooManyUnderWay:
            for id in 1...1_500 { try await client.publish("x", to: "many", .exactlyOnce, id: UInt16(id)) }
            _ = try await client.disconnectReason()
        case .truncated: try await client.socket.sendAll([0x82, 6, 0, 1, 0, 0, 9, 0x61])
        case .deepTopic: try await client.publish("x", to: String(repeating: "/", count: 60_000))
        case .wrongDirection: try await client.send(.connack(Connack(.success)), .pingresp)
        case .storm:
            let filters = (0..<200).map { "storm/\(Int.random(in: 0..<50, using: &random))/\($0)/#" }
            try await client.send(.subscribe(SubscribeRequest(1, filters.map { .init($0) })))
            try await client.send(.unsubscribe(UnsubscribeRequest(2, filters.reversed())))
        case .retained:
            for _ in 0..<100 {
                let text = String(repeating: "x", count: 1 + .random(in: 0..<4_000, using: &random))
                try await client.publish(text, to: "kept/\(Int.random(in: 0..<500, using: &random))", retain: true)
            }
        case .noise:
            try await client.socket.sendAll(
                (0..<4_096).map { _ in .random(in: .min ... .max, using: &random) } as [UInt8]
            )
        case .sessions: try await client.subscribe(.init("attack/\(number)/+", qos: .atLeastOnce), .init("kept/1"))
        default: break
        }
        if self != .frozen, self != .tooManyUnderWay { try await client.send(.pingreq) }
    }

    private static func will(_ number: Int) -> WillMessage {
        var properties = PropertyList()
        properties.add(.willDelayInterval, 1)
        return WillMessage(
            topic: "attack/\(number)/will",
            payload: [UInt8](repeating: 0x78, count: 1_000),
            qos: .atLeastOnce,
            retain: number == 0,
            properties: properties
        )
    }
}
