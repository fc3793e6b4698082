/// Finds the records in the bytes of a segment. A pure value.
enum SegmentScanner {
    /// What comes next in a segment.
    enum Step: Sendable, Equatable {
        /// A record whose checksum is right: its content, and where the next one begins.
        case record(content: Range<Int>, next: Int)
        /// Not enough bytes yet for what comes next: how many there have to be.
        case needs(Int)
        /// What comes next was not written whole, or has been changed.
        case broken
    }

    /// What comes at a position in bytes.
    static func step(_ bytes: [UInt8], at position: Int) -> Step {
        var reader = RecordReader(bytes[min(position, bytes.count)...])
        guard let length: UInt32 = reader.number(), let checksum: UInt32 = reader.number() else {
            return .needs(position + StoredMessage.prefixBytes)
        }
        guard length > 0, length <= StoredMessage.maximumBytes else { return .broken }
        let begin = position + StoredMessage.prefixBytes
        let end = begin + Int(length)
        guard bytes.count >= end else { return .needs(end) }
        guard CRC32.checksum(of: bytes[begin..<end]) == checksum else { return .broken }
        return .record(content: begin..<end, next: end)
    }
}
