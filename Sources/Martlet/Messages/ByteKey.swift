/// A text that is compared and hashed by its bytes.
///
/// Swift takes two strings for equal whose characters are: `é` in one character and `e` with a combining accent. On the
/// wire they are two names, so that every table, cache and index of names has keys of this type.
package struct ByteKey: Sendable, Hashable {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package static func == (a: ByteKey, b: ByteKey) -> Bool { a.text.hasSameBytes(as: b.text) }

    package func hash(into hasher: inout Hasher) {
        text.utf8.withContiguousStorageIfAvailable { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
            ?? { for byte in text.utf8 { hasher.combine(byte) } }()
        // No byte of UTF-8 is this one: a text ends here, whatever is hashed after it.
        hasher.combine(0xFF as UInt8)
    }
}

extension ByteKey: Comparable {
    package static func < (a: ByteKey, b: ByteKey) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }
}

extension ByteKey: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) {
        self.init(text)
    }
}

extension String {
    /// Whether it is the same text byte by byte, which is less than being equal as Swift compares strings.
    package func hasSameBytes(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        let areEqual = utf8.withContiguousStorageIfAvailable { mine in
            other.utf8.withContiguousStorageIfAvailable { theirs in
                UnsafeRawBufferPointer(mine).hasSameBytes(as: UnsafeRawBufferPointer(theirs))
            }
        }
        return (areEqual ?? nil) ?? utf8.elementsEqual(other.utf8)
    }
}

extension UnsafeRawBufferPointer {
    /// Compares eight bytes at a time, the last ones again with those before them.
    fileprivate func hasSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
        guard count >= 8 else { return elementsEqual(other) }
        func differ(at offset: Int) -> Bool {
            loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                != other.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        }
        for offset in stride(from: 0, to: count - 8, by: 8) where differ(at: offset) { return false }
        return !differ(at: count - 8)
    }
}
