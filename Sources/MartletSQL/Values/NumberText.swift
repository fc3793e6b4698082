#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Numbers as databases write them: `-12.50`, `1e+30`.
///
/// What the standard library and Foundation read goes further: hexadecimal digits, the beginning of a text, and more digits than
/// there is room for.
struct NumberText {
    /// How many digits a `Decimal` always has room for.
    private static let precision = 38

    private let digits: ArraySlice<UInt8>
    private let exponent: Int

    /// `nil` if a text is anything but a number.
    init?(_ text: String) {
        var rest = ArraySlice(text.utf8)
        Self.skipSign(&rest)
        let whole = Self.takeDigits(&rest)
        var fraction: ArraySlice<UInt8> = []
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            fraction = Self.takeDigits(&rest)
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return nil }
        var power = 0
        if rest.first.map({ $0 | 0x20 }) == UInt8(ascii: "e") {
            let end = rest.dropFirst()
            guard let number = Int(String(decoding: end, as: UTF8.self)) else { return nil }
            power = number
            rest = []
        }
        guard rest.isEmpty, power.magnitude < 1 << 32 else { return nil }
        let all = (whole + fraction).drop { $0 == UInt8(ascii: "0") }
        let zeros = all.reversed().prefix { $0 == UInt8(ascii: "0") }.count
        digits = all.dropLast(zeros)
        exponent = power - fraction.count + zeros
    }

    private static func skipSign(_ text: inout ArraySlice<UInt8>) {
        if text.first == UInt8(ascii: "-") || text.first == UInt8(ascii: "+") { text = text.dropFirst() }
    }

    private static func takeDigits(_ text: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let digits = text.prefix { (48...57).contains($0) }
        text = text.dropFirst(digits.count)
        return digits
    }

    /// The number of a text; `nil` if it is none, or if a `Decimal` would be another one.
    static func decimal(of text: String) -> Decimal? {
        guard let number = NumberText(text), number.digits.count <= precision,
            (-128...127).contains(number.exponent) || number.digits.isEmpty
        else { return nil }
        return Decimal(string: text)
    }

    /// The number of a text, rounded; `nil` if it is none.
    static func double(of text: String) -> Double? {
        if ["NaN", "Infinity", "-Infinity"].contains(text) { return Double(text) }
        return NumberText(text) == nil ? nil : Double(text)
    }
}
