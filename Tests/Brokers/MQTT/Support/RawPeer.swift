import IntegrationSupport

/// One end of a link of MQTT, packet by packet: a client or a broker that does what a test tells it.
struct RawPeer: Sendable {
    struct Packet: Sendable, Equatable {
        /// The first byte: the kind and its flags.
        var head: UInt8
        var body: [UInt8]

        var kind: UInt8 { head >> 4 }

        /// What goes over the wire.
        var bytes: [UInt8] { [head] + RawPeer.length(body.count) + body }
    }

    let socket: Socket

    /// Connects to a broker on this machine as a client of MQTT 3.1.1.
    static func connect(to port: Int, as client: String) async throws -> RawPeer {
        let peer = RawPeer(socket: try Socket.connecting(to: .loopback(port: port)))
        try await peer.send(Packet(head: 0x10, body: text("MQTT") + [4, 2, 0, 0] + text(client)))
        let answer = try await peer.receive()
        guard answer == Packet(head: 0x20, body: [0, 0]) else { throw ServerError("No CONNACK but \(answer)") }
        return peer
    }

    func send(_ packet: Packet) async throws { try await socket.sendAll(packet.bytes) }

    func receive() async throws -> Packet {
        let head = try await socket.receive(1)[0]
        var count = 0
        for position in 0..<4 {
            let byte = try await socket.receive(1)[0]
            count |= Int(byte & 0x7f) << (7 * position)
            if byte < 0x80 { break }
        }
        return Packet(head: head, body: try await socket.receive(count))
    }

    /// Waits for a packet of a kind; others are skipped.
    func receive(kind: UInt8) async throws -> Packet {
        while true {
            let packet = try await receive()
            if packet.kind == kind { return packet }
        }
    }

    // MARK: As a client of MQTT 3.1.1

    func subscribe(to filter: String) async throws {
        try await send(Packet(head: 0x82, body: [0, 1] + Self.text(filter) + [0]))
        _ = try await receive(kind: 9)
    }

    func publish(_ payload: [UInt8], to topic: String) async throws {
        try await send(Packet(head: 0x30, body: Self.text(topic) + payload))
    }

    /// The next message of QoS 0.
    func nextMessage() async throws -> (topic: String, payload: [UInt8]) {
        let body = try await receive(kind: 3).body
        let size = Int(body[0]) << 8 | Int(body[1])
        return (String(decoding: body[2..<(2 + size)], as: UTF8.self), Array(body[(2 + size)...]))
    }

    // MARK: Pieces of packets

    static func text(_ text: String) -> [UInt8] { number(text.utf8.count) + Array(text.utf8) }

    static func number(_ number: Int) -> [UInt8] { [UInt8(number >> 8 & 0xff), UInt8(number & 0xff)] }

    static func length(_ count: Int) -> [UInt8] {
        var rest = count
        var bytes: [UInt8] = []
        repeat {
            bytes.append(UInt8(rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
            rest >>= 7
        } while rest > 0
        return bytes
    }
}
