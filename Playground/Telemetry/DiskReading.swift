/// What one disk read and wrote since the reading before.
struct DiskReading: Codable, Equatable, Sendable {
    /// The disk's name, such as `nvme0n1`.
    var device: String

    /// Bytes read from the disk, a second.
    var readBytesPerSecond: Double

    /// Bytes written to the disk, a second.
    var writtenBytesPerSecond: Double
}
