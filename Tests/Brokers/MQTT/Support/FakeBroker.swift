import IntegrationSupport
import MartletMQTT

/// A broker that does what a test tells it, well or ill.
struct FakeBroker: Sendable {
    let port: Int
    private let listener: Socket

    /// Runs `body` with a broker of which `serve` deals with each connection, numbered from 0. When `body` is done, the
    /// connections end.
    static func withBroker<Result>(
        _ serve: @escaping @Sendable (RawPeer, Int) async throws -> Void,
        _ body: (FakeBroker) async throws -> Result
    ) async throws -> Result {
        let listener = try Socket.listening()
        let broker = FakeBroker(port: try listener.localPort, listener: listener)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await broker.accept(serve) }
            defer { group.cancelAll() }
            return try await body(broker)
        }
    }

    private func accept(_ serve: @escaping @Sendable (RawPeer, Int) async throws -> Void) async {
        await withDiscardingTaskGroup { group in
            var count = 0
            while !Task.isCancelled {
                guard let socket = listener.accept() else {
                    try? await Task.sleep(for: .milliseconds(2))
                    continue
                }
                let number = count
                count += 1
                // A client that goes away is none of the broker's business.
                group.addTask { try? await serve(RawPeer(socket: socket), number) }
            }
            group.cancelAll()
        }
    }
}

extension RawPeer {
    /// The broker's answer to CONNECT, with a reason code; properties are those of MQTT 5.
    static func welcome(
        _ version: MQTTVersion,
        _ reason: UInt8 = 0,
        isKept: Bool = false,
        properties: [UInt8] = []
    ) -> Packet {
        let list = version == .v5 ? length(properties.count) + properties : []
        return Packet(head: 0x20, body: [isKept ? 1 : 0, reason] + list)
    }

    /// Reads CONNECT and accepts it.
    func acceptClient(_ version: MQTTVersion, isKept: Bool = false, properties: [UInt8] = []) async throws {
        _ = try await receive(kind: 1)
        try await send(Self.welcome(version, isKept: isKept, properties: properties))
    }

    /// Answers a SUBSCRIBE for one filter: it is granted, with QoS 0, unless told.
    func grant(_ packet: Packet, _ version: MQTTVersion, _ reason: UInt8 = 0, properties: [UInt8] = []) async throws {
        let list = version == .v5 ? Self.length(properties.count) + properties : []
        try await send(Packet(head: 0x90, body: packet.body[..<2] + list + [reason]))
    }

    /// Answers everything that asks for an answer, as a broker does that delivers nothing, until the link ends.
    func behave(_ version: MQTTVersion) async throws {
        while true {
            let packet = try await receive()
            switch packet.kind {
            case 3 where packet.head & 0x06 == 2:
                let size = Int(packet.body[0]) << 8 | Int(packet.body[1])
                try await send(Packet(head: 0x40, body: Array(packet.body[(2 + size)..<(4 + size)])))
            case 8: try await grant(packet, version)
            case 10: try await send(Packet(head: 0xb0, body: packet.body[..<2] + (version == .v5 ? [0, 0] : [])))
            case 12: try await send(Packet(head: 0xd0, body: []))
            default: break
            }
        }
    }
}
