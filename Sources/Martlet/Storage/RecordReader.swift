/// Reads what a record consists of. What is not there is `nil`, and nothing traps.
@usableFromInline
package struct RecordReader {
    /// What has not been read.
    package private(set) var rest: ArraySlice<UInt8>

    package init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    package mutating func byte() -> UInt8? { rest.popFirst() }

    /// A number of up to 8 bytes. It is made anew for each kind where it is asked for: a million entries ask for millions of them.
    @inlinable
    package mutating func number<Number: FixedWidthInteger>() -> Number? {
        littleEndian(MemoryLayout<Number>.size).map { Number(truncatingIfNeeded: $0) }
    }

    @usableFromInline
    mutating func littleEndian(_ size: Int) -> UInt64? {
        guard rest.count >= size else { return nil }
        var number: UInt64 = 0
        rest.withUnsafeBytes { bytes in
            withUnsafeMutableBytes(of: &number) {
                $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<size]))
            }
        }
        rest = rest.dropFirst(size)
        return UInt64(littleEndian: number)
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
