/// What all records on a disk have in common: a length and a checksum of 4 bytes each, and the content, which begins with a
/// version (a byte) and, but for version 1, the record's number (8 bytes). Numbers are little-endian.
package enum StoreRecord {
    /// The length and the checksum at a record's begin.
    package static let prefixBytes = 8
    /// No content is larger or smaller: a length beyond that is none.
    package static let contentBytes = 22...256 << 20

    /// The record of a content.
    package static func framing(_ content: [UInt8]) -> [UInt8] {
        var record: [UInt8] = []
        record.reserveCapacity(content.count + prefixBytes)
        record.append(number: UInt32(clamping: content.count))
        record.append(number: CRC32.checksum(of: content[...]))
        return record + content
    }

    /// The number of a record's content; `nil` if it has none.
    package static func number(of content: ArraySlice<UInt8>) -> UInt64? {
        var reader = RecordReader(content.prefix(9))
        guard reader.byte() != 1 else { return nil }
        return reader.number()
    }
}

extension [UInt8] {
    @inlinable
    package mutating func append(number: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: number.littleEndian) { self += $0 }
    }

    package mutating func append(text: String) {
        append(number: UInt32(clamping: text.utf8.count))
        self += text.utf8
    }
}
