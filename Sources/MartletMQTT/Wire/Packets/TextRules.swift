/// What MQTT calls a UTF-8 encoded string (MQTT 5, 1.5.4).
enum TextRules {
    enum Verdict: Equatable, Sendable {
        case fine
        /// It has control characters or non-characters, which a receiver may refuse. libmosquitto does.
        case discouraged
        /// It is no UTF-8, or has U+0000: whoever sends that breaks the protocol.
        case malformed
    }

    static func check(_ bytes: UnsafeRawBufferPointer) -> Verdict {
        var isFine = true
        var position = 0
        let end = bytes.count
        while position < end {
            let first = bytes[position]
            position += 1
            if first < 0x80 {
                if first == 0 { return .malformed }
                if first < 0x20 || first == 0x7f { isFine = false }
                continue
            }
            guard let length = length(after: first), end - position >= length else { return .malformed }
            var scalar = UInt32(first) & (0x3f >> UInt32(length))
            for _ in 0..<length {
                let byte = bytes[position]
                guard byte & 0xc0 == 0x80 else { return .malformed }
                scalar = scalar << 6 | UInt32(byte & 0x3f)
                position += 1
            }
            // Neither longer than it needs to be, nor half of a pair of UTF-16, nor beyond the last one.
            guard scalar >= [0x80, 0x800, 0x1_0000][length - 1], Unicode.Scalar(scalar) != nil else {
                return .malformed
            }
            if scalar < 0xa0 || scalar & 0xfffe == 0xfffe || (0xfdd0...0xfdef).contains(scalar) { isFine = false }
        }
        return isFine ? .fine : .discouraged
    }

    /// How many bytes follow the first one of a character that is not ASCII.
    private static func length(after first: UInt8) -> Int? {
        switch first {
        case 0xc2...0xdf: 1
        case 0xe0...0xef: 2
        case 0xf0...0xf4: 3
        default: nil
        }
    }
}
