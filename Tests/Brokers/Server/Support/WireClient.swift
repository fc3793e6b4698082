import IntegrationSupport
import MartletMQTTWire

/// A client that says packet by packet what a test tells it.
final class WireClient {
    let socket: Socket
    let version: ProtocolVersion
    private var decoder: Decoder
    private var bytes: [UInt8] = []
    /// What came while an answer was waited for.
    private var earlier: [Packet] = []

    init(_ port: Int, _ version: ProtocolVersion = .v5) throws {
        socket = try Socket.connecting(to: .loopback(port: port))
        self.version = version
        decoder = Decoder(.client, version, limits: WireLimits(packetBytes: 100 << 20))
    }

    /// A client that has been let in.
    static func connected(
        _ port: Int,
        _ id: String,
        _ version: ProtocolVersion = .v5,
        cleanStart: Bool = true,
        expiry: UInt32? = nil,
        will: WillMessage? = nil,
        keepAlive: UInt16 = 0
    ) async throws -> WireClient {
        let client = try WireClient(port, version)
        _ = try await client.connect(id, cleanStart: cleanStart, expiry: expiry, will: will, keepAlive: keepAlive)
        return client
    }

    /// Says CONNECT.
    ///
    /// - Returns: whether the session was there.
    @discardableResult
    func connect(
        _ id: String,
        cleanStart: Bool = true,
        expiry: UInt32? = nil,
        will: WillMessage? = nil,
        keepAlive: UInt16 = 0,
        user: String? = nil,
        password: String? = nil
    ) async throws -> Connack {
        var connect = Connect(version: version, clientID: id, cleanStart: cleanStart, keepAlive: keepAlive, will: will)
        if let expiry { connect.properties.add(.sessionExpiryInterval, expiry) }
        connect.userName = user
        connect.password = password.map { Array($0.utf8) }
        try await send(.connect(connect))
        guard case .connack(let connack) = try await receive() else { throw ServerError("No CONNACK") }
        return connack
    }

    func send(_ packets: Packet...) async throws {
        try await socket.sendAll(packets.flatMap { Encoder(version).bytes(of: $0) })
    }

    func publish(
        _ text: String,
        to topic: String,
        _ qos: QoS = .atMostOnce,
        id: UInt16 = 0,
        retain: Bool = false,
        properties: PropertyList = PropertyList()
    ) async throws {
        let publish = Publish(
            topic: topic,
            payload: Array(text.utf8),
            qos: qos,
            retain: retain,
            packetID: id,
            properties: properties
        )
        try await send(.publish(publish))
    }

    /// Subscribes, and waits for the answer.
    @discardableResult
    func subscribe(_ entries: SubscribeRequest.Entry..., identifier: UInt32? = nil) async throws -> [ReasonCode] {
        var properties = PropertyList()
        if let identifier { properties.add(.subscriptionIdentifier, identifier) }
        try await send(.subscribe(SubscribeRequest(1, entries, properties: properties)))
        while true {
            let packet = try await next()
            if case .suback(let suback) = packet { return suback.reasons }
            earlier.append(packet)
        }
    }

    /// The next packet.
    func receive() async throws -> Packet {
        earlier.isEmpty ? try await next() : earlier.removeFirst()
    }

    private func next() async throws -> Packet {
        while true {
            let available = bytes
            if case .packet(let packet, let count) = try decoder.next(available.span.bytes) {
                bytes.removeFirst(count)
                return packet
            }
            switch socket.read() {
            case .done(let more): bytes += more
            case .notNow: try await Task.sleep(for: .milliseconds(1))
            case .ended, .lost: throw ServerError("The server has closed the connection")
            }
        }
    }

    /// The next message; it is acknowledged if it is of QoS 1.
    func message() async throws -> Publish {
        let packet = try await receive()
        guard case .publish(let publish) = packet else { throw ServerError("No message but \(packet)") }
        if publish.qos == .atLeastOnce { try await send(.puback(Acknowledgement(publish.packetID))) }
        return publish
    }

    func text() async throws -> String { String(decoding: try await message().payload, as: UTF8.self) }

    /// The texts that come until a mark that this client sends to itself has gone round.
    func textsUntilMark() async throws -> [String] {
        try await textsUntilMarkOf("mark/\(UInt64.random(in: 0 ... .max))")
    }

    /// The same, by a topic that the client may publish and read.
    func textsUntilMarkOf(_ mark: String) async throws -> [String] {
        try await subscribe(.init(mark))
        try await publish("", to: mark)
        var texts: [String] = []
        while true {
            let message = try await message()
            if message.topic == mark { return texts }
            texts.append(String(decoding: message.payload, as: UTF8.self))
        }
    }

    /// Waits for a DISCONNECT and the end.
    func disconnectReason() async throws -> ReasonCode {
        while true {
            guard case .disconnect(let disconnect) = try await receive() else { continue }
            _ = try await socket.receiveEnd()
            return disconnect.reason
        }
    }
}
