/// Measures what each network interface carries between one look and the next.
struct NetworkSampler: Sendable {
    private var meter = ByteMeter()

    /// Looks at this machine's network interfaces.
    ///
    /// - Parameter now: The time of the look.
    /// - Returns: One reading an interface that was there the last time as well: none at the first call, and none where
    ///   the system has no `/proc/net/dev`.
    mutating func sample(at now: ContinuousClock.Instant = .now) -> [NetworkReading] {
        guard let text = SystemFile.text(at: "/proc/net/dev") else { return [] }
        return readings(from: text, at: now)
    }

    /// Compares the text of `/proc/net/dev` with that of the call before.
    mutating func readings(from text: String, at now: ContinuousClock.Instant) -> [NetworkReading] {
        meter.rates(of: ByteCounters.parse(network: text), at: now).map {
            NetworkReading(interface: $0.name, receivedBytesPerSecond: $0.incoming, sentBytesPerSecond: $0.outgoing)
        }
    }
}
