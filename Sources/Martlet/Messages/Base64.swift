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
        alphabet.withUTF8Buffer { alphabet in
            bytes.withUnsafeBufferPointer { bytes in
                func digit(_ bits: UInt32) -> UInt8 { alphabet[Int(bits & 0x3F)] }
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
        }
    }

    /// The bytes of base64 text; `nil` if it is none.
    static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 4) else { return nil }
        let digits = text.suffix(2).firstIndex(of: padding).map { text[..<$0] } ?? text
        guard text.count == digits.count || text.last == padding else { return nil }
        let count = digits.count * 6 / 8
        // An array without room is one that all threads share, and making it so writes there that it is empty.
        guard count > 0 else { return digits.allSatisfy { values[Int($0)] != none } ? [] : nil }
        var isText = true
        let result = [UInt8](unsafeUninitializedCapacity: count) { result, filled in
            isText = digits.withUnsafeBufferPointer { decode($0, into: result) }
            filled = isText ? count : 0
        }
        return isText ? result : nil
    }

    /// - Returns: whether all of them are digits.
    private static func decode(
        _ digits: UnsafeBufferPointer<UInt8>,
        into result: UnsafeMutableBufferPointer<UInt8>
    ) -> Bool {
        values.withUnsafeBufferPointer { values in
            var bits: UInt32 = 0
            var count = 0
            var place = 0
            for digit in digits {
                let value = values[Int(digit)]
                guard value != none else { return false }
                bits = bits << 6 | UInt32(value)
                count += 6
                guard count >= 8 else { continue }
                count -= 8
                result[place] = UInt8(truncatingIfNeeded: bits >> UInt32(count))
                place += 1
            }
            return true
        }
    }

    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    private static let padding = UInt8(ascii: "=")
    private static let none: UInt8 = 0xFF
    /// The value of each digit.
    private static let values: [UInt8] = alphabet.withUTF8Buffer { alphabet in
        var values = [UInt8](repeating: none, count: 256)
        for (value, digit) in alphabet.enumerated() { values[Int(digit)] = UInt8(value) }
        return values
    }
}
