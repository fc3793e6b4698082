/// Writes numbers with so many decimals at most and without exponents.
struct NumberRounding {
    let decimals: Int

    /// JSON text without white space, with its numbers rounded. Whole numbers stand as they are.
    func rounded(json: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(json.count)
        var index = 0
        while index < json.count {
            let start = index
            switch json[index] {
            case UInt8(ascii: "\""):
                index += 1
                while json[index] != UInt8(ascii: "\"") { index += json[index] == UInt8(ascii: "\\") ? 2 : 1 }
                index += 1
                result.append(contentsOf: json[start..<index])
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                while index < json.count, Self.isOfNumber(json[index]) { index += 1 }
                append(json[start..<index], to: &result)
            case let byte:
                result.append(byte)
                index += 1
            }
        }
        return result
    }

    private static func isOfNumber(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."),
            UInt8(ascii: "e"), UInt8(ascii: "E"):
            true
        default: false
        }
    }

    private func append(_ number: ArraySlice<UInt8>, to text: inout [UInt8]) {
        guard number.contains(where: { $0 == UInt8(ascii: ".") || $0 | 0x20 == UInt8(ascii: "e") }) else {
            text.append(contentsOf: number)
            return
        }
        var rounded = Digits(number)
        rounded.round(to: decimals)
        rounded.append(to: &text)
    }

    /// A number as its significant digits and the place of its point.
    private struct Digits {
        private var isNegative = false
        private var digits: [UInt8] = []
        /// How many of the digits stand before the point. Fewer than none: so many zeros follow the point before them.
        private var whole = 0

        /// - Parameter number: in JSON's notation.
        init(_ number: ArraySlice<UInt8>) {
            let mantissa = number.prefix { $0 | 0x20 != UInt8(ascii: "e") }
            let exponent = number[mantissa.endIndex...].dropFirst()
            whole = Int(String(decoding: exponent, as: UTF8.self)) ?? 0
            var isFraction = false
            for byte in mantissa {
                switch byte {
                case UInt8(ascii: "-"): isNegative = true
                case UInt8(ascii: "."): isFraction = true
                case UInt8(ascii: "0") where digits.isEmpty: if isFraction { whole -= 1 }
                default:
                    digits.append(byte - UInt8(ascii: "0"))
                    if !isFraction { whole += 1 }
                }
            }
        }

        mutating func round(to decimals: Int) {
            let kept = whole + decimals
            guard kept < digits.count else { return }
            guard kept >= 0 else { return digits.removeAll() }
            let isUp = isNearerUp(after: kept, decimals)
            digits.removeLast(digits.count - kept)
            guard isUp else { return }
            var place = kept - 1
            while place >= 0, digits[place] == 9 {
                digits[place] = 0
                place -= 1
            }
            if place >= 0 {
                digits[place] += 1
            } else {
                digits.insert(1, at: 0)
                whole += 1
            }
        }

        /// Whether the number is nearer to the next one of so many digits than to what they are.
        private func isNearerUp(after kept: Int, _ decimals: Int) -> Bool {
            guard digits[kept] == 5, digits[(kept + 1)...].allSatisfy({ $0 == 0 }) else { return digits[kept] >= 5 }
            // Its decimals are half-way, which the number that they were made of need not be. The difference is exact in
            // its sign.
            let halfway = digits[...kept].reduce(0.0) { $0 * 10 + Double($1) }
            var text: [UInt8] = []
            append(to: &text)
            let number = (Double(String(decoding: text, as: UTF8.self)) ?? 0).magnitude
            let scale = (0...decimals).reduce(1.0) { scale, _ in scale * 10 }
            let difference = (-halfway).addingProduct(number, scale)
            let isOdd = kept > 0 && digits[kept - 1] % 2 == 1
            return difference > 0 || difference == 0 && isOdd
        }

        func append(to text: inout [UInt8]) {
            var digits = digits[...]
            while digits.count > max(whole, 0), digits.last == 0 { digits.removeLast() }
            let zero = UInt8(ascii: "0")
            guard digits.contains(where: { $0 != 0 }) else { return text.append(zero) }
            if isNegative { text.append(UInt8(ascii: "-")) }
            if whole <= 0 { text.append(zero) }
            for place in 0..<max(whole, 0) { text.append(zero + (place < digits.count ? digits[place] : 0)) }
            guard digits.count > max(whole, 0) else { return }
            text.append(UInt8(ascii: "."))
            for _ in 0..<max(-whole, 0) { text.append(zero) }
            for digit in digits[max(whole, 0)...] { text.append(zero + digit) }
        }
    }
}
