/// Bytes that are being written.
typealias ByteBuffer = GrowingBuffer<UInt8>

extension GrowingBuffer<UInt8> {
    mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(contentsOf: $0) }
    }

    /// Appends the decimals of a number.
    mutating func append(digits number: UInt64) {
        let start = count
        var length = 1
        var rest = number / 10
        while rest > 0 {
            length += 1
            rest /= 10
        }
        reserve(length)
        for _ in 0..<length { append(0) }
        rest = number
        for place in stride(from: start + length - 1, through: start, by: -1) {
            let quotient = rest / 10
            self[place] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest &- quotient &* 10)
            rest = quotient
        }
    }
}
