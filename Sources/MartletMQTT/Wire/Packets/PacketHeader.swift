import MartletMQTTWire

/// The beginning of a control packet (MQTT 5, 2.1): its kind, flags and length.
struct PacketHeader: Equatable {
    let kind: PacketKind
    let flags: UInt8
    /// How many bytes it has itself.
    let length: Int
    /// How many the packet has.
    let total: Int

    /// - Returns: `nil` if there is not yet enough of it.
    /// - Throws: if no packet begins so.
    init?(_ bytes: UnsafeRawBufferPointer) throws(PacketFault) {
        guard let first = bytes.first else { return nil }
        guard let kind = PacketKind(rawValue: first >> 4) else { throw PacketFault("there is no packet of the type 0") }
        guard kind.flags.map({ $0 == first & 0x0f }) ?? true else {
            throw PacketFault("the flags of \(kind) are \(first & 0x0f)")
        }
        var rest = 0
        for position in 1...4 {
            guard position < bytes.count else { return nil }
            rest |= Int(bytes[position] & 0x7f) << (7 * (position - 1))
            guard bytes[position] >= 0x80 else {
                self.kind = kind
                flags = first & 0x0f
                length = position + 1
                total = position + 1 + rest
                return
            }
        }
        throw PacketFault("its length has more than four bytes")
    }

    /// The quality of service of PUBLISH; 3 is none.
    var quality: UInt8 { flags >> 1 & 3 }

    /// A number as a length is written.
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
