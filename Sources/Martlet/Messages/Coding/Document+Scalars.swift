/// Each of these is `nil` if the value is of another kind, or does not fit: ``Document/error(at:as:path:)`` says which.
extension Document {
    func isNull(_ node: Int) -> Bool { kind(of: node) == .null }

    func boolean(at node: Int) -> Bool? {
        switch kind(of: node) {
        case .true: true
        case .false: false
        default: nil
        }
    }

    func string(at node: Int) -> String? {
        switch kind(of: node) {
        case .string: String(decoding: bytes[range(of: node)], as: UTF8.self)
        case .escapedString:
            JSONText(range: range(of: node), hasEscapes: true).unescapedIfPaired(in: bytes)
                .map { String(decoding: $0, as: UTF8.self) }
        default: nil
        }
    }

    /// A string for a key: half of a surrogate pair is U+FFFD.
    func text(of node: Int) -> String {
        guard kind(of: node) == .escapedString else { return String(decoding: bytes[range(of: node)], as: UTF8.self) }
        let unescaped = JSONText(range: range(of: node), hasEscapes: true).unescaped(in: bytes)
        return String(decoding: unescaped, as: UTF8.self)
    }

    /// A whole number, also of a notation with a fraction of zeros or an exponent, if it is exactly that.
    @inline(__always)
    func integer<Integer: FixedWidthInteger>(at node: Int, as _: Integer.Type) -> Integer? {
        switch kind(of: node) {
        case .integerText: integerText(at: node)
        case .numberText: JSONNumber(bytes, range(of: node)).integer()
        case .unsigned: Integer(exactly: bits(at: node))
        case .signed: Integer(exactly: signed(at: node))
        case .float: Integer(exactly: floatingPoint(at: node))
        default: nil
        }
    }

    func double(at node: Int) -> Double? {
        switch kind(of: node) {
        case .integerText, .numberText: JSONNumber(bytes, range(of: node)).double()
        case .wordText: word(at: node)
        case .unsigned: Double(bits(at: node))
        case .signed: Double(signed(at: node))
        case .float: floatingPoint(at: node)
        default: nil
        }
    }

    /// The nearest number of this precision; `nil` if a finite number is too large for it.
    func float(at node: Int) -> Float? {
        switch kind(of: node) {
        case .integerText, .numberText: return JSONNumber(bytes, range(of: node)).float()
        case .wordText: return word(at: node).map { Float($0) }
        case .unsigned: return Float(bits(at: node))
        case .signed: return Float(signed(at: node))
        case .float:
            let number = floatingPoint(at: node)
            let rounded = Float(number)
            return rounded.isInfinite && number.isFinite ? nil : rounded
        default: return nil
        }
    }

    /// Bytes as they stand, without a copy into text.
    func binary(at node: Int) -> [UInt8]? {
        kind(of: node) == .binary ? Array(bytes[range(of: node)]) : nil
    }

    /// The bits of a number of up to eight bytes.
    private func bits(at node: Int) -> UInt64 { bigEndian(range(of: node)) }

    /// The number that up to eight bytes are, the most significant first.
    func bigEndian(_ range: Range<Int>) -> UInt64 {
        var bits: UInt64 = 0
        for index in range { bits = bits << 8 | UInt64(bytes[index]) }
        return bits
    }

    private func signed(at node: Int) -> Int64 {
        let unused = Int64(64 - 8 * Int(self[node].count))
        return (Int64(bitPattern: bits(at: node)) << unused) >> unused
    }

    private func floatingPoint(at node: Int) -> Double {
        self[node].count == 4
            ? Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits(at: node))))
            : Double(bitPattern: bits(at: node))
    }

    private func word(at node: Int) -> Double? {
        switch bytes[range(of: node).lowerBound] {
        case UInt8(ascii: "N"): .nan
        case UInt8(ascii: "I"): .infinity
        default: -.infinity
        }
    }

    @inline(__always)
    private func integerText<Integer: FixedWidthInteger>(at node: Int) -> Integer? {
        let range = range(of: node)
        guard Integer.bitWidth <= 64, range.count <= 18 else { return JSONNumber(bytes, range).integer() }
        var magnitude: Int64 = 0
        let isNegative = bytes[range.lowerBound] == UInt8(ascii: "-")
        for index in (isNegative ? range.lowerBound + 1 : range.lowerBound)..<range.upperBound {
            magnitude = magnitude &* 10 &+ Int64(bytes[index] &- UInt8(ascii: "0"))
        }
        return Integer(exactly: isNegative ? -magnitude : magnitude)
    }
}
