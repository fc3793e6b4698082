extension RawPeer.Packet {
    /// A PUBLISH of the topic `t`.
    ///
    /// - Parameter properties: `nil` in MQTT 3.1.1.
    static func publish(
        _ payload: String,
        quality: UInt8,
        number: UInt16 = 1,
        repeated: Bool = false,
        properties: [UInt8]? = []
    ) -> RawPeer.Packet {
        let identifier = quality > 0 ? RawPeer.number(Int(number)) : []
        let list = properties.map { RawPeer.length($0.count) + $0 } ?? []
        return RawPeer.Packet(
            head: 0x30 | quality << 1 | (repeated ? 8 : 0),
            body: RawPeer.text("t") + identifier + list + Array(payload.utf8)
        )
    }

    static func pubrel(_ number: UInt16) -> RawPeer.Packet {
        RawPeer.Packet(head: 0x62, body: RawPeer.number(Int(number)))
    }

    /// The topic of a PUBLISH.
    var topic: String { String(decoding: body[2..<(2 + topicLength)], as: UTF8.self) }

    /// The packet identifier of a PUBLISH with a guarantee.
    var number: UInt16 { UInt16(body[2 + topicLength]) << 8 | UInt16(body[3 + topicLength]) }

    private var topicLength: Int { Int(body[0]) << 8 | Int(body[1]) }
}
