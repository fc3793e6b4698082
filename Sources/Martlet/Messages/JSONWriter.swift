/// Writes JSON text piece by piece into one array; what makes it valid is up to the caller.
package struct JSONWriter {
    package private(set) var bytes: [UInt8] = []

    /// A writer with room for so many bytes.
    package init(capacity: Int) {
        bytes.reserveCapacity(capacity)
    }

    /// Writes punctuation, keys and the like, as they stand.
    package mutating func write(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// Writes a value that is JSON already.
    package mutating func write(json: [UInt8]) {
        bytes.append(contentsOf: json)
    }

    /// Writes a string, with its quotes. Characters outside ASCII stand as they are.
    package mutating func write(string: String) {
        var string = string
        bytes.append(UInt8(ascii: "\""))
        string.withUTF8 { text in
            if text.allSatisfy(Self.standsForItself) {
                bytes.append(contentsOf: text)
            } else {
                for byte in text { write(character: byte) }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Writes bytes as a string in base64.
    package mutating func write(base64 content: [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        Base64.encode(content, into: &bytes)
        bytes.append(UInt8(ascii: "\""))
    }

    /// Writes a whole number.
    package mutating func write(integer number: Int64) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        let start = bytes.count
        var rest = number.magnitude
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        bytes[start...].reverse()
    }

    /// Writes a number so that it reads as one with a fraction or exponent; it has to be finite.
    package mutating func write(double number: Double) {
        bytes.append(contentsOf: number.description.utf8)
    }

    private static func standsForItself(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    private mutating func write(character: UInt8) {
        switch character {
        case UInt8(ascii: "\""): write(#"\""#)
        case UInt8(ascii: "\\"): write(#"\\"#)
        case 0x0A: write(#"\n"#)
        case 0x0D: write(#"\r"#)
        case 0x09: write(#"\t"#)
        case 0..<0x20:
            write(#"\u00"#)
            for digit in [character >> 4, character & 0xF] {
                bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + (digit - 10))
            }
        default: bytes.append(character)
        }
    }
}
