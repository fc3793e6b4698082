/// How busy one core was since the reading before.
struct CPUReading: Codable, Equatable, Sendable {
    /// The core's number, as the kernel counts from zero.
    var core: Int

    /// The share of the time in which the core did something, 0 to 1.
    var utilisation: Double
}
