/// A number in JSON's notation, read exactly: as a whole number only if it is one, otherwise as the nearest.
struct JSONNumber {
    private let bytes: [UInt8]
    private let range: Range<Int>

    /// The number at a place where the grammar of one has been found.
    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        self.range = range
    }

    /// The number, if it is whole and fits: `1`, `1.0` and `10e-1` all are 1.
    func integer<Integer: FixedWidthInteger>() -> Integer? {
        let parts = Parts(bytes, range)
        var number: Integer = 0
        var left = parts.wholeDigits
        for index in parts.digits where bytes[index] != UInt8(ascii: ".") {
            let digit = bytes[index] &- UInt8(ascii: "0")
            if left > 0 {
                guard Self.append(digit, to: &number, isNegative: parts.isNegative) else { return nil }
                left -= 1
            } else if digit != 0 {
                return nil
            }
        }
        while left > 0, number != 0 {
            guard Self.append(0, to: &number, isNegative: parts.isNegative) else { return nil }
            left -= 1
        }
        return number
    }

    /// The nearest `Double`; `nil` if that is infinity.
    func double() -> Double? {
        if let number = quickDouble() { return number }
        guard let number = Double(shortText), number.isFinite else { return nil }
        return number
    }

    /// The nearest `Float`; `nil` if that is infinity.
    func float() -> Float? {
        guard let number = Float(shortText), number.isFinite else { return nil }
        return number
    }

    /// The text of the number, for parsers that are fast with few digits only.
    ///
    /// No boundary between two numbers has more than 767 digits, so further ones count only as being there or not.
    private var shortText: String {
        let mostDigits = 800
        guard range.count > mostDigits else { return String(decoding: bytes[range], as: UTF8.self) }
        let parts = Parts(bytes, range)
        var text: [UInt8] = parts.isNegative ? [UInt8(ascii: "-")] : []
        var exponent = parts.wholeDigits
        var kept = 0
        var isMore = false
        for index in parts.digits where bytes[index] != UInt8(ascii: ".") {
            let digit = bytes[index]
            if kept == 0, digit == UInt8(ascii: "0") {
                exponent -= 1
            } else if kept < mostDigits {
                text.append(digit)
                kept += 1
            } else if digit != UInt8(ascii: "0") {
                isMore = true
            }
        }
        guard kept > 0 else { return parts.isNegative ? "-0" : "0" }
        if isMore {
            text.append(UInt8(ascii: "1"))
            kept += 1
        }
        return String(decoding: text, as: UTF8.self) + "e\(exponent - kept)"
    }

    /// The number, if few digits make it the quotient or product of two exact ones: that is correctly rounded.
    @inline(__always)
    private func quickDouble() -> Double? {
        guard range.count <= 24 else { return nil }
        var index = range.lowerBound
        let isNegative = bytes[index] == UInt8(ascii: "-")
        if isNegative { index += 1 }
        var mantissa: UInt64 = 0
        var digits = 0
        var point = -1
        while index < range.upperBound {
            let byte = bytes[index]
            if byte == UInt8(ascii: ".") {
                point = digits
            } else if byte | 0x20 == UInt8(ascii: "e") {
                break
            } else {
                mantissa = mantissa &* 10 &+ UInt64(byte &- UInt8(ascii: "0"))
                digits += 1
            }
            index += 1
        }
        guard digits <= 19, mantissa <= 1 << 53 else { return nil }
        var exponent = point < 0 ? 0 : point - digits
        if index < range.upperBound { exponent += Parts.exponent(bytes, index + 1..<range.upperBound) }
        let magnitude: Double
        switch exponent {
        case 0: magnitude = Double(mantissa)
        case 1...22: magnitude = Double(mantissa) * Self.powersOfTen[exponent]
        case -22 ... -1: magnitude = Double(mantissa) / Self.powersOfTen[-exponent]
        default: return nil
        }
        return isNegative ? -magnitude : magnitude
    }

    private static func append<Integer: FixedWidthInteger>(
        _ digit: UInt8,
        to number: inout Integer,
        isNegative: Bool
    ) -> Bool {
        let (shifted, isTooLarge) = number.multipliedReportingOverflow(by: 10)
        let digit = Integer(truncatingIfNeeded: digit)
        let (sum, isTooLargeNow) =
            isNegative ? shifted.subtractingReportingOverflow(digit) : shifted.addingReportingOverflow(digit)
        number = sum
        return !isTooLarge && !isTooLargeNow
    }

    /// Each is exact.
    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ]
}

extension JSONNumber {
    /// Sign, digits and exponent of a number.
    struct Parts {
        let isNegative: Bool
        /// The digits, and the point if there is one.
        let digits: Range<Int>
        /// How many of the digits are before the point, after the exponent has moved it.
        let wholeDigits: Int

        init(_ bytes: [UInt8], _ range: Range<Int>) {
            isNegative = bytes[range.lowerBound] == UInt8(ascii: "-")
            let start = isNegative ? range.lowerBound + 1 : range.lowerBound
            var end = start
            var point: Int?
            while end < range.upperBound, bytes[end] | 0x20 != UInt8(ascii: "e") {
                if bytes[end] == UInt8(ascii: ".") { point = end }
                end += 1
            }
            digits = start..<end
            let exponent = end < range.upperBound ? Self.exponent(bytes, end + 1..<range.upperBound) : 0
            wholeDigits = (point ?? end) - start + exponent
        }

        /// An exponent, or one that is as good as it for any number of digits that a document has.
        static func exponent(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
            var exponent = 0
            for index in range where bytes[index] >= UInt8(ascii: "0") {
                exponent = min(exponent * 10 + Int(bytes[index] - UInt8(ascii: "0")), 1 << 40)
            }
            return bytes[range.lowerBound] == UInt8(ascii: "-") ? -exponent : exponent
        }
    }
}
