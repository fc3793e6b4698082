/// Base64 with padding (RFC 4648, section 4), for bytes that have to stand in JSON text.
package enum Base64 {
    /// How many characters so many bytes take.
    static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    /// The base64 text of bytes.
    package static func text(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(encodedCount(bytes.count))
        encode(bytes, into: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes of base64 text; `nil` if it is none.
    package static func bytes(_ text: String) -> [UInt8]? {
        decode(Array(text.utf8)[...])
    }

    static func encode(_ bytes: [UInt8], into text: inout [UInt8]) {
        encode(bytes) { text.append($0) }
    }

    /// Hands on the base64 text of bytes, one character after another.
    static func encode(_ bytes: [UInt8], append: (UInt8) -> Void) {
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let second = left > 1 ? bytes[index + 1] : 0
            let third = left > 2 ? bytes[index + 2] : 0
            let bits = UInt32(bytes[index]) << 16 | UInt32(second) << 8 | UInt32(third)
            append(digit(bits >> 18))
            append(digit(bits >> 12))
            append(left > 1 ? digit(bits >> 6) : padding)
            append(left > 2 ? digit(bits) : padding)
            index += 3
        }
    }

    /// The bytes of base64 text; `nil` if it is none.
    static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 4) else { return nil }
        let digits = text.suffix(2).firstIndex(of: padding).map { text[..<$0] } ?? text
        guard text.count == digits.count || text.last == padding else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(text.count / 4 * 3)
        var bits: UInt32 = 0
        var count = 0
        for character in digits {
            guard let value = value(of: character) else { return nil }
            bits = bits << 6 | value
            count += 6
            guard count >= 8 else { continue }
            count -= 8
            result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
        }
        return result
    }

    private static let padding = UInt8(ascii: "=")

    private static func digit(_ bits: UInt32) -> UInt8 {
        let bits = UInt8(truncatingIfNeeded: bits & 0x3F)
        return switch bits {
        case 0..<26: UInt8(ascii: "A") + bits
        case 26..<52: UInt8(ascii: "a") + (bits - 26)
        case 52..<62: UInt8(ascii: "0") + (bits - 52)
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
