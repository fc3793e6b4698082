/// What one network interface carried since the reading before.
struct NetworkReading: Codable, Equatable, Sendable {
    /// The interface's name, such as `eth0`.
    var interface: String

    /// Bytes that came in, a second.
    var receivedBytesPerSecond: Double

    /// Bytes that went out, a second.
    var sentBytesPerSecond: Double
}
