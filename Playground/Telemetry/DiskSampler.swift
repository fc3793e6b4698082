/// Measures what each whole disk reads and writes between one look and the next.
struct DiskSampler: Sendable {
    private var meter = ByteMeter()

    /// Looks at this machine's disks.
    ///
    /// - Parameter now: The time of the look.
    /// - Returns: One reading a disk that was there the last time as well: none at the first call, and none where the
    ///   system has no `/proc/diskstats`.
    mutating func sample(at now: ContinuousClock.Instant = .now) -> [DiskReading] {
        guard let text = SystemFile.text(at: "/proc/diskstats") else { return [] }
        return readings(from: text, at: now)
    }

    /// Compares the text of `/proc/diskstats` with that of the call before.
    mutating func readings(from text: String, at now: ContinuousClock.Instant) -> [DiskReading] {
        meter.rates(of: ByteCounters.parse(disks: text), at: now).map {
            DiskReading(device: $0.name, readBytesPerSecond: $0.incoming, writtenBytesPerSecond: $0.outgoing)
        }
    }
}
