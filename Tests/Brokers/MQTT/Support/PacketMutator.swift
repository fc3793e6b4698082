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

    /// What a broker sends to a connected client before the link ends, or hardly so.
    mutating func next() -> [UInt8] {
        switch version {
        case .v311:
            (0..<20).flatMap { _ in
                let head = UInt8.random(in: 0x20...0xff, using: &generator)
                return mutated(RawPeer.Packet(head: head, body: oldBody()).bytes)
            }
        case .v5:
            (0..<Int.random(in: 0...3, using: &generator)).flatMap { _ in pick(Self.soundPackets).bytes } + nextBroken()
        }
    }

    /// An answer to CONNECT, or hardly so.
    mutating func nextAnswer() -> [UInt8] {
        switch version {
        case .v311: return mutated(RawPeer.Packet(head: 0x20, body: [0, 0]).bytes)
        case .v5:
            var properties: [UInt8] = []
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                properties += pick(Self.answersProperties)
            }
            let body: [UInt8] = [.random(in: 0...2, using: &generator), 0, UInt8(properties.count)] + properties
            var bytes = RawPeer.Packet(head: .random(in: 0x20...0x22, using: &generator), body: body).bytes
            if Bool.random(using: &generator) { bytes = mutated(bytes) }
            return Array(bytes.prefix(.random(in: 1...max(1, 2 * bytes.count), using: &generator)))
        }
    }

    private mutating func nextBroken() -> [UInt8] {
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: pick(Self.brokenPackets)
        case 1: mutated(pick(Self.brokenPackets))
        default: mutated(pick(Self.soundPackets).bytes)
        }
    }

    private mutating func pick<Element>(_ list: [Element]) -> Element {
        list[.random(in: 0..<list.count, using: &generator)]
    }

    private mutating func oldBody() -> [UInt8] {
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: (0..<Int.random(in: 0...40, using: &generator)).map { _ in .random(in: 0...255, using: &generator) }
        case 1: RawPeer.text("a/b") + [0, 1] + Array("text".utf8)
        default: [0, UInt8.random(in: 0...3, using: &generator), 0, 0]
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

    // MARK: MQTT 5

    private static let answersProperties: [[UInt8]] = [
        [0x21, 0, 10], [0x21, 0, 0], [0x24, 0], [0x24, 1], [0x24, 7], [0x25, 0], [0x25, 9], [0x27, 0, 0, 1, 0],
        [0x27, 0, 0, 0, 0], [0x13, 0, 30], [0x13, 0, 0], [0x22, 0, 5], [0x2a, 0], [0x29, 0], [0x28, 0],
        [0x12] + RawPeer.text("name"), [0x1f] + RawPeer.text("reason"), [0x1f] + [0, 1, 0xff], [0x0b, 1],
        [0x26] + RawPeer.text("a") + RawPeer.text("b"), [0x26] + RawPeer.text("") + RawPeer.text(""),
    ]

    private static func publish(_ topic: [UInt8], _ properties: [UInt8], head: UInt8 = 0x30) -> RawPeer.Packet {
        let number: [UInt8] = head & 6 == 0 ? [] : [0, 9]
        return .init(
            head: head,
            body: RawPeer.number(topic.count) + topic + number + [UInt8(properties.count)] + properties + [1, 2, 3]
        )
    }

    private static let soundPackets: [RawPeer.Packet] = [
        publish(Array("a/b".utf8), []), publish(Array("a/b".utf8), [0x0b, 1], head: 0x32),
        publish(Array("a/b".utf8), [0x26] + RawPeer.text("n") + RawPeer.text("v"), head: 0x34),
        publish(Array("a/b".utf8), [0x0b, 1, 0x0b, 2, 0x0b, 0xff, 0x7f]),
        publish(Array("a/b".utf8), [0x02, 0, 0, 0, 9, 0x08, 0, 1, 114, 0x09, 0, 2, 0, 1, 0x03, 0, 1, 116], head: 0x34),
        .init(head: 0xd0, body: []), .init(head: 0x40, body: [0, 9]), .init(head: 0x62, body: [0, 9]),
        .init(head: 0x50, body: [0, 1, 0, 0]), .init(head: 0x70, body: [0, 1, 0, 3, 0x1f, 0, 0]),
        .init(head: 0x90, body: [0, 1, 3, 0x1f, 0, 0, 1]), .init(head: 0xb0, body: [0, 1, 0, 0]),
    ]

    private static let brokenPackets: [[UInt8]] =
        [
            publish([], []), publish([], [0x23, 0, 1]), publish(Array("a/#".utf8), []), publish([0xff, 0xfe], []),
            publish([97, 0, 98], []), publish([97], [0x0b, 0]), publish([97], [0x0b, 0xff, 0xff, 0xff, 0x7f]),
            publish([97], [0x0b, 0xff, 0xff, 0xff, 0xff]), publish([97], [0x01, 7]), publish([97], [0x01, 1, 0x01, 1]),
            publish([97], [0x23, 0, 0]), publish([97], [0x23, 0xff, 0xff]), publish([97], [0x26, 0xff, 0xff, 1]),
            publish([97], [0x26, 0, 1, 0xff, 0, 1, 0]), publish([97], [0x09, 0xff, 0xff]), publish([97], [0x24, 1]),
            publish([97], [0x02, 0]), publish([97], [], head: 0x36), publish([97], [], head: 0x3a),
            .init(head: 0x40, body: []), .init(head: 0x40, body: [0]), .init(head: 0x40, body: [0, 0]),
            .init(head: 0x40, body: [0, 1, 0xff]), .init(head: 0x40, body: [0, 1, 0, 9]),
            .init(head: 0x4f, body: [0, 1]),
            .init(head: 0x50, body: [0, 1]), .init(head: 0x62, body: [0xff, 0xff]), .init(head: 0x70, body: [0, 1]),
            .init(head: 0x90, body: [0, 1]), .init(head: 0x90, body: [0, 1, 0]),
            .init(head: 0x90, body: [0, 1, 0, 3, 3]),
            .init(head: 0x90, body: [0, 1, 0] + [UInt8](repeating: 0x80, count: 300)),
            .init(head: 0xb0, body: [0, 1, 0]),
            .init(head: 0xc0, body: []), .init(head: 0xd0, body: [1, 2]), .init(head: 0xe0, body: []),
            .init(head: 0xe0, body: [0x8b, 0]), .init(head: 0xe0, body: [0x77]), .init(head: 0xf0, body: []),
            .init(head: 0xf0, body: [0x18, 0]), .init(head: 0x20, body: [0, 0, 0]), .init(head: 0x10, body: [0, 4]),
            .init(head: 0x82, body: [0, 1, 0, 0, 1, 97, 0]), .init(head: 0x00, body: []),
        ].map(\.bytes) + [
            [0x30, 0xff, 0xff, 0xff, 0xff, 0xff], [0x30, 0xff, 0xff, 0xff, 0x7f, 0, 1, 97], [0x30], [0x30, 0x80],
            [0x40, 2, 0],
        ]
}
