/// The pieces of a text that is known to be JSON, white space left out.
struct JSONTokens {
    enum Kind {
        case key, string, number, word, notANumber, punctuation
    }

    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func next() -> (range: Range<Int>, kind: Kind)? {
        skipSpace()
        guard position < bytes.count else { return nil }
        let start = position
        switch bytes[start] {
        case UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: ":"),
            UInt8(ascii: ","):
            position += 1
            return (start..<position, .punctuation)
        case UInt8(ascii: "\""):
            skipString()
            let range = start..<position
            skipSpace()
            let isKey = position < bytes.count && bytes[position] == UInt8(ascii: ":")
            return (range, isKey ? .key : .string)
        default:
            while position < bytes.count, !Self.endsWord(bytes[position]) { position += 1 }
            // What is not JSON would otherwise never end.
            position = max(position, start + 1)
            return (start..<position, kind(of: start..<position))
        }
    }

    private func kind(of range: Range<Int>) -> Kind {
        switch bytes[range.lowerBound] {
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"): .word
        case UInt8(ascii: "N"), UInt8(ascii: "I"): .notANumber
        case UInt8(ascii: "-") where range.count > 1 && bytes[range.lowerBound + 1] == UInt8(ascii: "I"): .notANumber
        default: .number
        }
    }

    private static func endsWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ":"), 0x20, 0x09, 0x0A, 0x0D: true
        default: false
        }
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private mutating func skipString() {
        position += 1
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        position = min(bytes.count, position + 1)
    }
}
