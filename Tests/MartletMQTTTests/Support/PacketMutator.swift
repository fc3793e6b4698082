import MartletMQTT
import MartletTesting

/// Packets of a broker with something wrong with most of them. The same seed gives the same ones.
struct PacketMutator {
    private var generator: SplitMix64
    private let version: MQTTVersion

    init(seed: UInt64, _ version: MQTTVersion) {
        generator = SplitMix64(seed: seed)
        self.version = version
    }

    /// Something that a broker sends to a connected client, or hardly so.
    mutating func next() -> [UInt8] {
        let packet = RawPeer.Packet(head: UInt8.random(in: 0x20...0xff, using: &generator), body: body())
        return mutated(packet.bytes)
    }

    /// An answer to CONNECT, or hardly so.
    mutating func nextAnswer() -> [UInt8] {
        var properties: [UInt8] = []
        if version == .v5 {
            let all: [[UInt8]] = [
                [0x21, 0, 10], [0x24, 1], [0x25, 0], [0x27, 0, 0, 1, 0], [0x13, 0, 30], [0x22, 0, 5], [0x2a, 0],
                [0x29, 0], [0x12] + RawPeer.text("name"), [0x1f] + RawPeer.text("reason"),
                [0x26] + RawPeer.text("a") + RawPeer.text("b"),
            ]
            for _ in 0..<Int.random(in: 0...4, using: &generator) { properties += all.randomElement(using: &generator)! }
            properties = [UInt8(properties.count)] + properties
        }
        return mutated(RawPeer.Packet(head: 0x20, body: [0, 0] + properties).bytes)
    }

    private mutating func body() -> [UInt8] {
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: return (0..<Int.random(in: 0...40, using: &generator)).map { _ in .random(in: 0...255, using: &generator) }
        case 1:
            let properties: [UInt8] = version == .v5 ? [4, 0x0b, 1, 0x01, 1] : []
            return RawPeer.text("a/b") + [0, 1] + properties + Array("text".utf8)
        default: return [0, UInt8.random(in: 0...3, using: &generator), 0, 0]
        }
    }

    /// The bytes with some changed, lost or added.
    private mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 0...3, using: &generator) where !bytes.isEmpty {
            let position = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: bytes[position] = .random(in: 0...255, using: &generator)
            case 1: bytes[position] ^= 1 << UInt8.random(in: 0...7, using: &generator)
            case 2: bytes.remove(at: position)
            default: bytes.insert(.random(in: 0...255, using: &generator), at: position)
            }
        }
        return bytes
    }
}
