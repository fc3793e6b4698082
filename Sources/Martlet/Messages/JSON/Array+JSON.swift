/// JSON's notation, appended to bytes.
extension [UInt8] {
    mutating func appendJSON(word: StaticString) {
        word.withUTF8Buffer { append(contentsOf: $0) }
    }

    /// A string, with its quotes. Characters outside ASCII stand as they are.
    mutating func appendJSON(_ string: String) {
        var string = string
        append(UInt8(ascii: "\""))
        string.withUTF8 { text in
            if Self.standsForItself(text) {
                append(contentsOf: text)
            } else {
                for byte in text { appendJSON(character: byte) }
            }
        }
        append(UInt8(ascii: "\""))
    }

    mutating func appendJSON(_ number: Int64) {
        if number < 0 { append(UInt8(ascii: "-")) }
        appendJSON(number.magnitude)
    }

    mutating func appendJSON(_ number: UInt64) {
        if number < 10 { return append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number)) }
        let start = count
        var rest = number
        while rest > 0 {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit))
            rest = quotient
        }
        self[start...].reverse()
    }

    /// The shortest decimals that are read as the same number; a whole one has no fraction. It has to be finite.
    mutating func appendJSON(_ number: Double) {
        // Up to here whole numbers are exact, and their shortest decimals are their digits.
        if number.magnitude < 0x1p53, let whole = Int64(exactly: number), whole != 0 || number.sign == .plus {
            return appendJSON(whole)
        }
        appendJSON(description: number.description)
    }

    /// The same, of the precision that the number has.
    mutating func appendJSON(_ number: Float) {
        if number.magnitude < 0x1p24, let whole = Int64(exactly: number), whole != 0 || number.sign == .plus {
            return appendJSON(whole)
        }
        appendJSON(description: number.description)
    }

    private mutating func appendJSON(description: String) {
        var description = description
        description.withUTF8 { append(contentsOf: $0) }
    }

    private static func standsForItself(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        var isPlain = true
        // Without an early exit many bytes are looked at at once.
        for byte in text {
            isPlain = isPlain && (byte >= 0x20) && (byte != UInt8(ascii: "\"")) && (byte != UInt8(ascii: "\\"))
        }
        return isPlain
    }

    private mutating func appendJSON(character: UInt8) {
        switch character {
        case UInt8(ascii: "\""): appendJSON(word: #"\""#)
        case UInt8(ascii: "\\"): appendJSON(word: #"\\"#)
        case 0x0A: appendJSON(word: #"\n"#)
        case 0x0D: appendJSON(word: #"\r"#)
        case 0x09: appendJSON(word: #"\t"#)
        case 0..<0x20:
            appendJSON(word: #"\u00"#)
            for digit in [character >> 4, character & 0xF] {
                append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + (digit - 10))
            }
        default: append(character)
        }
    }
}
