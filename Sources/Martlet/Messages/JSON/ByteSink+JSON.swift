/// JSON's notation.
extension ByteSink where Self: ~Copyable {
    mutating func appendJSON(word: StaticString) {
        word.withUTF8Buffer { append(contentsOf: $0) }
    }

    /// A string, with its quotes. Characters outside ASCII stand as they are.
    mutating func appendJSON(_ string: String) {
        var string = string
        append(UInt8(ascii: "\""))
        string.withUTF8 { text in
            if append(text, while: { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) { return }
            for byte in text { appendJSON(character: byte) }
        }
        append(UInt8(ascii: "\""))
    }

    mutating func appendJSON(_ number: Int64) {
        if number < 0 { append(UInt8(ascii: "-")) }
        append(digits: number.magnitude)
    }

    /// The shortest decimals that are read as the same number; a whole one has no fraction. It has to be finite.
    mutating func appendJSON(_ number: Double) {
        // Up to here whole numbers are exact, and their shortest decimals are their digits.
        if number.magnitude < 0x1p53, let whole = Int64(exactly: number), whole != 0 || number.sign == .plus {
            return appendJSON(whole)
        }
        if !appendJSON(fewDecimals: number) { append(number.description) }
    }

    /// A number of few decimals, as most are that people or sensors come up with.
    ///
    /// Below 2⁵³ the digits are exact, as is the power of ten: if their quotient, which is correctly rounded, is the
    /// number, then they are its decimals, and of up to 15 digits there is only one choice.
    private mutating func appendJSON(fewDecimals number: Double) -> Bool {
        let magnitude = number.magnitude
        guard magnitude >= 1e-3, magnitude < 1e9 else { return false }
        var power = 1.0
        for places in 1...5 {
            power *= 10
            let digits = (magnitude * power).rounded(.toNearestOrEven)
            guard digits / power == magnitude else { continue }
            if number < 0 { append(UInt8(ascii: "-")) }
            let integer = UInt64(digits)
            let divisor = UInt64(power)
            append(digits: integer / divisor)
            append(UInt8(ascii: "."))
            var fraction = integer % divisor
            for _ in 0..<places { append(UInt8(ascii: "0")) }
            for place in stride(from: count - 1, through: count - places, by: -1) {
                self[place] += UInt8(truncatingIfNeeded: fraction % 10)
                fraction /= 10
            }
            return true
        }
        return false
    }

    /// The same, of the precision that the number has.
    mutating func appendJSON(_ number: Float) {
        if number.magnitude < 0x1p24, let whole = Int64(exactly: number), whole != 0 || number.sign == .plus {
            return appendJSON(whole)
        }
        append(number.description)
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
            appendJSON(hexDigit: character >> 4)
            appendJSON(hexDigit: character & 0xF)
        default: append(character)
        }
    }

    private mutating func appendJSON(hexDigit digit: UInt8) {
        append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + (digit - 10))
    }
}
