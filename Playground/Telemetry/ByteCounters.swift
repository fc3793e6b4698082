/// The bytes that have gone through one device since it came up, in both directions.
struct ByteCounters: Equatable, Sendable {
    /// The device's name.
    let name: String

    /// Bytes that came from the device: received, or read.
    let incoming: UInt64

    /// Bytes that went to the device: sent, or written.
    let outgoing: UInt64
}
