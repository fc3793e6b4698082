/// Where a string stands in JSON text, without its quotes. It is decoded only if somebody wants it.
struct JSONText {
    let range: Range<Int>
    let hasEscapes: Bool

    /// The string in UTF-8. Half of a surrogate pair, which only an escape can name, becomes U+FFFD.
    func unescaped(in bytes: [UInt8]) -> [UInt8] {
        var isPaired = true
        return unescaped(in: bytes, isPaired: &isPaired)
    }

    /// The string in UTF-8; `nil` if it has half of a surrogate pair, which is no character.
    func unescapedIfPaired(in bytes: [UInt8]) -> [UInt8]? {
        var isPaired = true
        let result = unescaped(in: bytes, isPaired: &isPaired)
        return isPaired ? result : nil
    }

    private func unescaped(in bytes: [UInt8], isPaired: inout Bool) -> [UInt8] {
        guard hasEscapes else { return Array(bytes[range]) }
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        var index = range.lowerBound
        while index < range.upperBound {
            guard bytes[index] == UInt8(ascii: "\\"), index + 1 < range.upperBound else {
                result.append(bytes[index])
                index += 1
                continue
            }
            switch bytes[index + 1] {
            case UInt8(ascii: "u"):
                let (found, length) = unicodeEscape(at: index, in: bytes)
                if found == nil { isPaired = false }
                let scalar = found ?? "\u{FFFD}"
                if let encoded = UTF8.encode(scalar) { result.append(contentsOf: encoded) }
                index += length
                continue
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "t"): result.append(0x09)
            case let itself: result.append(itself)
            }
            index += 2
        }
        return result
    }

    /// The character of `\u0041`, or of two such that make a surrogate pair, and how many bytes it takes; none for
    /// half of a pair.
    private func unicodeEscape(at index: Int, in bytes: [UInt8]) -> (Unicode.Scalar?, Int) {
        guard let unit = codeUnit(at: index, in: bytes) else { return (nil, 6) }
        if let scalar = Unicode.Scalar(unit) { return (scalar, 6) }
        guard unit < 0xDC00, let next = codeUnit(at: index + 6, in: bytes), next & 0xFC00 == 0xDC00 else {
            return (nil, 6)
        }
        return (Unicode.Scalar(0x1_0000 + UInt32(unit & 0x3FF) << 10 + UInt32(next & 0x3FF)), 12)
    }

    private func codeUnit(at index: Int, in bytes: [UInt8]) -> UInt16? {
        guard index + 6 <= range.upperBound, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u")
        else { return nil }
        var unit: UInt16 = 0
        for byte in bytes[index + 2..<index + 6] {
            guard let digit = Self.hexDigit(byte) else { return nil }
            unit = unit << 4 | UInt16(digit)
        }
        return unit
    }

    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
