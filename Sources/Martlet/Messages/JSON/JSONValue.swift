/// What a scanner takes when any value may come: scalars to be read, everything else as the place where it stands.
enum JSONValue {
    case string(JSONText)
    /// Also `NaN` and the infinities.
    case number(Range<Int>)
    case boolean(Bool)
    case null
    case arrayOrObject
}

extension JSONScanner {
    /// Takes the next value; `nil` if it is broken.
    mutating func takeValue() -> JSONValue? {
        let first = peek()
        if first == UInt8(ascii: "\"") { return takeString().map(JSONValue.string) }
        guard let range = skipValue() else { return nil }
        switch first {
        case UInt8(ascii: "{"), UInt8(ascii: "["): return .arrayOrObject
        case UInt8(ascii: "t"): return .boolean(true)
        case UInt8(ascii: "f"): return .boolean(false)
        case UInt8(ascii: "n"): return .null
        default: return .number(range)
        }
    }

    /// The string that stands at a place.
    func string(_ text: JSONText) -> String {
        text.hasEscapes
            ? String(decoding: text.unescaped(in: bytes), as: UTF8.self)
            : String(decoding: bytes[text.range], as: UTF8.self)
    }

    /// Whether the string that stands at a place is an ASCII word.
    func text(_ text: JSONText, is word: StaticString) -> Bool {
        if text.hasEscapes { return string(text) == "\(word)" }
        return text.range.count == word.utf8CodeUnitCount && Self.has(word, at: text.range.lowerBound, in: bytes)
    }

    /// The whole number at a place, if it is written as one and fits.
    func integer(_ range: Range<Int>) -> Int64? {
        let isNegative = bytes[range.lowerBound] == UInt8(ascii: "-")
        var number: Int64 = 0
        for index in (isNegative ? range.lowerBound + 1 : range.lowerBound)..<range.upperBound {
            let digit = bytes[index]
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            let (shifted, isTooLarge) = number.multipliedReportingOverflow(by: 10)
            let value = Int64(digit - UInt8(ascii: "0"))
            let (sum, isTooLargeNow) = shifted.addingReportingOverflow(isNegative ? -value : value)
            guard !isTooLarge, !isTooLargeNow else { return nil }
            number = sum
        }
        return number
    }

    /// The number at a place. One of more digits than any number needs, which takes long to read, is `nil`.
    func double(_ range: Range<Int>) -> Double? {
        guard range.count <= 1_100 else { return nil }
        return Double(String(decoding: bytes[range], as: UTF8.self))
    }
}
