/// A frame as it was cut out of what was read (AMQP 0-9-1, 4.2.3).
struct Frame {
    enum Kind: UInt8 {
        case method = 1
        case header = 2
        case body = 3
        case heartbeat = 8
    }

    let kind: Kind
    let channel: UInt16
    /// Where its payload is in the bytes it was cut from.
    let payload: Range<Int>
}
