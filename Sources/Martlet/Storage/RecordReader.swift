/// Reads what a record consists of. What is not there is `nil`, and nothing traps.
package struct RecordReader {
    /// What has not been read.
    package private(set) var rest: ArraySlice<UInt8>

    package init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    package mutating func byte() -> UInt8? { rest.popFirst() }

    package mutating func number<Number: FixedWidthInteger>() -> Number? {
        let size = Number.bitWidth / 8
        guard rest.count >= size else { return nil }
        var number: Number = 0
        for (position, byte) in rest.prefix(size).enumerated() {
            number |= Number(truncatingIfNeeded: byte) << Number(position * 8)
        }
        rest = rest.dropFirst(size)
        return number
    }

    /// Bytes that have their number before them.
    package mutating func bytes() -> ArraySlice<UInt8>? {
        guard let count: UInt32 = number(), rest.count >= Int(count) else { return nil }
        defer { rest = rest.dropFirst(Int(count)) }
        return rest.prefix(Int(count))
    }

    package mutating func text() -> String? {
        bytes().flatMap { String(validating: $0, as: UTF8.self) }
    }
}
