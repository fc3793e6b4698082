import MartletMQTT

extension RawPeer.Packet {
    /// A PUBLISH, of the topic `t` unless told.
    ///
    /// - Parameter properties: `nil` in MQTT 3.1.1.
    static func publish(
        _ payload: String,
        to topic: String = "t",
        quality: UInt8,
        number: UInt16 = 1,
        repeated: Bool = false,
        retain: Bool = false,
        properties: [UInt8]? = []
    ) -> RawPeer.Packet {
        let identifier = quality > 0 ? RawPeer.number(Int(number)) : []
        let list = properties.map { RawPeer.length($0.count) + $0 } ?? []
        return RawPeer.Packet(
            head: 0x30 | quality << 1 | (repeated ? 8 : 0) | (retain ? 1 : 0),
            body: RawPeer.text(topic) + identifier + list + Array(payload.utf8)
        )
    }

    static func pubrel(_ number: UInt16) -> RawPeer.Packet {
        RawPeer.Packet(head: 0x62, body: RawPeer.number(Int(number)))
    }

    /// The topic of a PUBLISH.
    var topic: String { String(decoding: body[2..<(2 + topicLength)], as: UTF8.self) }

    /// The packet identifier of a PUBLISH with a guarantee.
    var number: UInt16 { UInt16(body[2 + topicLength]) << 8 | UInt16(body[3 + topicLength]) }

    /// The properties of a SUBSCRIBE of MQTT 5.
    var subscribeProperties: [UInt8] { Array(body[3..<(3 + Int(body[2]))]) }

    /// The first filter of a SUBSCRIBE.
    func filter(_ version: MQTTVersion) -> String {
        let start = version == .v5 ? 3 + Int(body[2]) : 2
        let length = Int(body[start]) << 8 | Int(body[start + 1])
        return String(decoding: body[(start + 2)..<(start + 2 + length)], as: UTF8.self)
    }

    private var topicLength: Int { Int(body[0]) << 8 | Int(body[1]) }
}
