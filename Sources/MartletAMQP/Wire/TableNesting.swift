/// Looks how deep the tables of a field table are within each other, before librabbitmq decodes it by recursion: one
/// frame has room for tens of thousands, which would be more than a thread's stack. A pure function.
enum TableNesting {
    /// Whether the table that begins at an offset (with its length) may be decoded.
    static func isHarmless(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Bool {
        // What does not fit is left to the decoder, which refuses it; here only depth counts.
        guard let length = number(bytes, at: start), start + 4 + length <= bytes.count else { return true }
        var ends = [(end: start + 4 + length, isTable: true)]
        var offset = start + 4
        while let top = ends.last {
            if offset >= top.end {
                ends.removeLast()
                continue
            }
            if top.isTable {
                offset += 1 + Int(bytes[offset])
                if offset >= bytes.count { return true }
            }
            let kind = bytes[offset]
            offset += 1
            switch kind {
            case UInt8(ascii: "F"), UInt8(ascii: "A"):
                guard let length = number(bytes, at: offset), offset + 4 + length <= bytes.count else { return true }
                offset += 4
                if ends.count > AMQPValue.maximumDepth { return false }
                ends.append((offset + length, kind == UInt8(ascii: "F")))
            case UInt8(ascii: "S"), UInt8(ascii: "x"):
                guard let length = number(bytes, at: offset) else { return true }
                offset += 4 + length
            case UInt8(ascii: "V"): break
            case UInt8(ascii: "t"), UInt8(ascii: "b"), UInt8(ascii: "B"): offset += 1
            case UInt8(ascii: "s"), UInt8(ascii: "u"): offset += 2
            case UInt8(ascii: "I"), UInt8(ascii: "i"), UInt8(ascii: "f"): offset += 4
            case UInt8(ascii: "D"): offset += 5
            case UInt8(ascii: "l"), UInt8(ascii: "L"), UInt8(ascii: "d"), UInt8(ascii: "T"): offset += 8
            // The decoder refuses it, and with it everything.
            default: return true
            }
            if offset >= bytes.count { return true }
        }
        return true
    }

    private static func number(_ bytes: UnsafeRawBufferPointer, at start: Int) -> Int? {
        guard start >= 0, start + 4 <= bytes.count else { return nil }
        return (start..<start + 4).reduce(0) { $0 << 8 | Int(bytes[$1]) }
    }
}
