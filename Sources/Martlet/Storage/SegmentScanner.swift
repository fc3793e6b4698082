/// Finds the records in the bytes of a file. A pure value.
package enum SegmentScanner {
    /// The result of looking for a record.
    package enum Step: Sendable, Equatable {
        /// A record whose checksum is right: its content, and where the next one begins.
        case record(content: Range<Int>, next: Int)
        /// There are not enough bytes yet for the record: how many there have to be.
        case needs(Int)
        /// The record was not written whole, or has been changed.
        case broken
    }

    /// Looks for a record at a position in bytes.
    package static func step(_ bytes: [UInt8], at position: Int) -> Step {
        var reader = RecordReader(bytes[min(position, bytes.count)...])
        guard let length: UInt32 = reader.number(), let checksum: UInt32 = reader.number() else {
            return .needs(position + StoreRecord.prefixBytes)
        }
        guard StoreRecord.contentBytes.contains(Int(length)) else { return .broken }
        let begin = position + StoreRecord.prefixBytes
        let end = begin + Int(length)
        guard bytes.count >= end else { return .needs(end) }
        guard CRC32.checksum(of: bytes[begin..<end]) == checksum else { return .broken }
        return .record(content: begin..<end, next: end)
    }

    /// Looks for the first record behind a position where there is none.
    ///
    /// - Parameters:
    ///   - numbers: those that it may have. Few bytes that are no record look like one of these, so that hardly ever a checksum
    ///     is taken in vain; where a message holds many that do, the search ends after a time.
    ///   - version: the version that it has.
    package static func record(
        in bytes: [UInt8],
        behind position: Int,
        numbers: Range<UInt64>,
        version: UInt8
    ) -> Int? {
        let smallest = StoreRecord.prefixBytes + StoreRecord.contentBytes.lowerBound
        guard bytes.count - smallest > position else { return nil }
        // As many as have room at most.
        let most = UInt64((bytes.count - position) / smallest) + 1
        let numbers = numbers.clamped(to: numbers.lowerBound..<numbers.lowerBound + most + 1)
        var checked = 0
        for start in position + 1...bytes.count - smallest {
            guard bytes[start + StoreRecord.prefixBytes] == version,
                let number = StoreRecord.number(of: bytes[(start + StoreRecord.prefixBytes)...]),
                numbers.contains(number)
            else { continue }
            if case .record = step(bytes, at: start) { return start }
            checked += bytes.count - start
            if checked > 64 * bytes.count { return nil }
        }
        return nil
    }
}
