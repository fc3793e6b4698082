/// A decimal number with all its digits.
struct ExactDecimal {
    private(set) var isNegative: Bool
    /// The least significant first.
    private var digits: [UInt8]
    /// Of the power of ten that the first digit counts.
    private var exponent: Int

    /// So many digits, or zeros before or behind them, are enough for any `Double`; other numbers have no form here.
    private static let most = 1_200

    /// The number at a place where JSON's grammar of one has been found; `nil` if it is too long.
    init?(_ bytes: [UInt8], _ range: Range<Int>) {
        let parts = JSONNumber.Parts(bytes, range)
        guard parts.digits.count <= Self.most else { return nil }
        isNegative = parts.isNegative
        digits = parts.digits.reversed().map { bytes[$0] }.filter { $0 != UInt8(ascii: ".") }
            .map { $0 - UInt8(ascii: "0") }
        exponent = parts.wholeDigits - digits.count
        guard abs(exponent) <= Self.most else { return nil }
        trim()
    }

    /// The fewest decimals that are read as a number, which has to be finite.
    init?(_ number: Double) {
        let text = Array(number.description.utf8)
        self.init(text, text.indices)
    }

    /// A number in units of a power of ten.
    init(_ number: Int128, places: Int = 0) {
        isNegative = number < 0
        digits = String(number.magnitude).utf8.reversed().map { $0 - UInt8(ascii: "0") }
        exponent = -places
        trim()
    }

    /// How many digits a whole number has; 0 for a number with a fraction.
    var wholeDigits: Int { exponent < 0 ? 0 : digits.count + exponent }

    mutating func add(_ number: Int64) {
        spellOut()
        var other = [UInt8](repeating: 0, count: -exponent)
        other += String(number.magnitude).utf8.reversed().map { $0 - UInt8(ascii: "0") }
        let width = max(digits.count, other.count) + 1
        digits += repeatElement(0, count: width - digits.count)
        other += repeatElement(0, count: width - other.count)
        if isNegative == (number < 0) {
            var carry: UInt8 = 0
            for place in 0..<width {
                let sum = digits[place] + other[place] + carry
                (digits[place], carry) = sum < 10 ? (sum, 0) : (sum - 10, 1)
            }
        } else {
            if digits.reversed().lexicographicallyPrecedes(other.reversed()) {
                swap(&digits, &other)
                isNegative.toggle()
            }
            var borrow: UInt8 = 0
            for place in 0..<width {
                let taken = other[place] + borrow
                borrow = digits[place] < taken ? 1 : 0
                digits[place] = digits[place] + 10 * borrow - taken
            }
        }
        trim()
    }

    /// The nearest number of so many digits.
    func rounded(to count: Int) -> ExactDecimal {
        var result = self
        let dropped = digits.count - count
        guard dropped > 0 else { return self }
        result.digits.removeFirst(dropped)
        result.exponent += dropped
        if digits[dropped - 1] >= 5 {
            var place = 0
            while place < result.digits.count, result.digits[place] == 9 {
                result.digits[place] = 0
                place += 1
            }
            if place == result.digits.count { result.digits.append(0) }
            result.digits[place] += 1
        }
        result.trim()
        return result
    }

    /// The nearest `Double`; `nil` if that is infinite.
    var double: Double? {
        let text = Array(text.utf8)
        return JSONNumber(text, text.indices).double()
    }

    /// JSON's notation. A long row of zeros at the end is an exponent.
    var text: String {
        let zeros = [UInt8](repeating: UInt8(ascii: "0"), count: max(0, 1 - exponent - digits.count))
        var text = zeros + digits.reversed().map { UInt8(ascii: "0") + $0 }
        if exponent < 0 {
            text.insert(UInt8(ascii: "."), at: text.count + exponent)
        } else if wholeDigits <= 20 {
            text += repeatElement(UInt8(ascii: "0"), count: exponent)
        } else {
            let power = digits.count - 1 + exponent
            if digits.count > 1 { text.insert(UInt8(ascii: "."), at: 1) }
            text += "e+\(power)".utf8
        }
        return (isNegative ? "-" : "") + String(decoding: text, as: UTF8.self)
    }

    /// Has each digit count at least one.
    private mutating func spellOut() {
        guard exponent > 0 else { return }
        digits.insert(contentsOf: repeatElement(0, count: exponent), at: 0)
        exponent = 0
    }

    /// Takes away zeros that say nothing. Zero is one digit, and positive.
    private mutating func trim() {
        while digits.count > 1, digits.last == 0 { digits.removeLast() }
        let zeros = digits.prefix { $0 == 0 }.count
        guard zeros < digits.count else {
            (isNegative, digits, exponent) = (false, [0], 0)
            return
        }
        digits.removeFirst(zeros)
        exponent += zeros
    }
}
