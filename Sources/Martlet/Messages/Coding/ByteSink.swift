/// What text is written to: an array, or a buffer that is faster at many small pieces.
protocol ByteSink: ~Copyable {
    var count: Int { get }
    subscript(index: Int) -> UInt8 { get set }
    mutating func append(_ byte: UInt8)
    mutating func append(contentsOf bytes: UnsafeBufferPointer<UInt8>)
    /// Appends bytes as far as all of them are wanted as they are.
    ///
    /// - Returns: false, with nothing appended, as soon as one is not.
    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>, while isWanted: (UInt8) -> Bool) -> Bool
}

extension [UInt8]: ByteSink {
    mutating func append(_ bytes: UnsafeBufferPointer<UInt8>, while isWanted: (UInt8) -> Bool) -> Bool {
        guard bytes.allSatisfy(isWanted) else { return false }
        append(contentsOf: bytes)
        return true
    }
}

extension ByteSink where Self: ~Copyable {
    mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(contentsOf: $0) }
    }

    /// Appends the decimals of a number.
    mutating func append(digits number: UInt64) {
        let start = count
        var rest = number
        repeat {
            append(0)
            rest /= 10
        } while rest > 0
        rest = number
        for place in stride(from: count - 1, through: start, by: -1) {
            let quotient = rest / 10
            self[place] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest &- quotient &* 10)
            rest = quotient
        }
    }
}
