/// Percent-encoded text: RFC 3986, section 2.1.
enum PercentText {
    enum Decoded: Equatable {
        case text(String)
        /// A percent sign is not followed by two hexadecimal digits.
        case badEscape
        /// The bytes are not UTF-8, or one of them is 0, which no C library takes for text.
        case badText
    }

    static func decoded(_ part: Substring) -> Decoded {
        var bytes: [UInt8] = []
        var input = part.utf8.makeIterator()
        while let byte = input.next() {
            if byte != UInt8(ascii: "%") {
                bytes.append(byte)
                continue
            }
            guard let high = input.next().flatMap(digit), let low = input.next().flatMap(digit) else {
                return .badEscape
            }
            bytes.append(high << 4 | low)
        }
        guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else { return .badText }
        return .text(text)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        Unicode.Scalar(byte).properties.isASCIIHexDigit
            ? UInt8(Character(Unicode.Scalar(byte)).hexDigitValue ?? 0) : nil
    }
}
