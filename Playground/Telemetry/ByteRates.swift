/// How fast bytes went through one device, in both directions.
struct ByteRates: Equatable, Sendable {
    /// The device's name.
    let name: String

    /// Bytes that came from the device, a second: received, or read.
    let incoming: Double

    /// Bytes that went to the device, a second: sent, or written.
    let outgoing: Double
}
