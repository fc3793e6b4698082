/// Finds its way through JSON text without decoding it: what to read is read, the rest is skipped as it stands.
///
/// It takes RFC 8259's grammar, in UTF-8, and the `NaN`, `Infinity` and `-Infinity` that Python's standard library
/// writes. An escape may name half of a surrogate pair, as Python's may. Whatever the bytes are it never traps, takes
/// time in proportion to them, keeps a fixed amount of state, and nothing is read past ``maximumDepth``.
package struct JSONScanner {
    /// How many arrays and objects may stand in one another: as many as Foundation's decoder takes.
    static let maximumDepth = 512

    let bytes: [UInt8]
    private(set) var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Whether the bytes are exactly one value, with white space around it or without.
    package static func isValue(_ bytes: [UInt8]) -> Bool {
        var scanner = JSONScanner(bytes)
        return scanner.skipValue() != nil && scanner.skipToEnd()
    }

    /// The next byte after white space, which stays to be taken; 0 at the end, since no JSON has it there.
    @inline(__always)
    mutating func peek() -> UInt8 {
        if position < bytes.count, bytes[position] > UInt8(ascii: " ") { return bytes[position] }
        return peekAfterSpace()
    }

    @inline(never)
    private mutating func peekAfterSpace() -> UInt8 {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: " "), UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"): position += 1
            case let byte: return byte
            }
        }
        return 0
    }

    /// Takes a byte, after white space, if it is next.
    @inline(__always)
    mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte, position < bytes.count else { return false }
        position += 1
        return true
    }

    /// Whether nothing but white space is left.
    mutating func skipToEnd() -> Bool {
        _ = peek()
        return position == bytes.count
    }

    /// Takes the members of an object. `read` gets each key, and must take exactly the value that is next.
    ///
    /// - Returns: false, as soon as this is no object or `read` says false.
    mutating func takeObject(_ read: (_ key: JSONText, _ scanner: inout JSONScanner) -> Bool) -> Bool {
        guard take(UInt8(ascii: "{")) else { return false }
        if take(UInt8(ascii: "}")) { return true }
        repeat {
            guard let key = takeString(), take(UInt8(ascii: ":")), read(key, &self) else { return false }
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "}"))
    }

    /// Takes a string; `nil` if the next value is none, or a broken one.
    mutating func takeString() -> JSONText? {
        guard take(UInt8(ascii: "\"")), let text = text(from: position) else { return nil }
        position = text.range.upperBound + 1
        return text
    }

    /// The string at a place that was skipped; `nil` if another kind of value is there.
    func string(at range: Range<Int>) -> JSONText? {
        var scanner = self
        scanner.position = range.lowerBound
        return scanner.takeString()
    }

    /// Takes a value of any kind.
    ///
    /// - Returns: where it stands, or `nil` if it is broken.
    mutating func skipValue() -> Range<Int>? {
        var nobody = JSONSkipping()
        return takeValue(telling: &nobody)
    }

    /// Takes a value of any kind, and tells of it and of all that is in it.
    ///
    /// - Returns: where it stands, or `nil` if it is broken.
    mutating func takeValue(telling visitor: inout some JSONVisitor & ~Copyable) -> Range<Int>? {
        _ = peek()
        let start = position
        var nesting = JSONNesting()
        repeat {
            switch peek() {
            case UInt8(ascii: "{"):
                position += 1
                guard nesting.enter(.object) else { return nil }
                visitor.enter(.object)
                if peek() != UInt8(ascii: "}") {
                    guard takeKey(telling: &visitor) else { return nil }
                    continue
                }
            case UInt8(ascii: "["):
                position += 1
                guard nesting.enter(.array) else { return nil }
                visitor.enter(.array)
                if peek() != UInt8(ascii: "]") { continue }
            case UInt8(ascii: "\""):
                guard let text = takeString() else { return nil }
                visitor.string(text)
            default:
                let start = position
                guard let kind = takeWord() ?? takeNumber() else { return nil }
                visitor.scalar(kind, start..<position)
            }
            guard takeAfterValue(&nesting, telling: &visitor) else { return nil }
        } while nesting.depth > 0
        return start..<position
    }

    /// After a value: takes the ends of arrays and objects up to the comma before the next value, or up to the end
    /// of the outermost.
    private mutating func takeAfterValue(
        _ nesting: inout JSONNesting,
        telling visitor: inout some JSONVisitor & ~Copyable
    ) -> Bool {
        while nesting.depth > 0 {
            let kind = nesting.innermost
            if take(kind == .object ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
                nesting.leave()
                visitor.leave()
            } else {
                return take(UInt8(ascii: ",")) && (kind == .array || takeKey(telling: &visitor))
            }
        }
        return true
    }

    private mutating func takeKey(telling visitor: inout some JSONVisitor & ~Copyable) -> Bool {
        guard let key = takeString(), take(UInt8(ascii: ":")) else { return false }
        visitor.key(key)
        return true
    }

    private mutating func takeWord() -> DocumentNode.Kind? {
        switch peek() {
        case UInt8(ascii: "t"): take("true") ? .true : nil
        case UInt8(ascii: "f"): take("false") ? .false : nil
        case UInt8(ascii: "n"): take("null") ? .null : nil
        case UInt8(ascii: "N"): take("NaN") ? .wordText : nil
        case UInt8(ascii: "I"): take("Infinity") ? .wordText : nil
        case UInt8(ascii: "-"): take("-Infinity") ? .wordText : nil
        default: nil
        }
    }

    private mutating func take(_ word: StaticString) -> Bool {
        guard Self.has(word, at: position, in: bytes) else { return false }
        position += word.utf8CodeUnitCount
        return true
    }

    private mutating func takeNumber() -> DocumentNode.Kind? {
        guard let (end, isWhole) = endOfNumber(from: position) else { return nil }
        position = end
        return isWhole ? .integerText : .numberText
    }
}

extension JSONScanner {
    /// Whether an ASCII word stands at a position.
    static func has(_ word: StaticString, at index: Int, in bytes: [UInt8]) -> Bool {
        word.withUTF8Buffer { word in
            guard word.count <= bytes.count - index else { return false }
            for offset in word.indices where bytes[index + offset] != word[offset] { return false }
            return true
        }
    }

    /// The string whose opening quote is before a position.
    private func text(from start: Int) -> JSONText? {
        var hasEscapes = false
        var index = start
        while true {
            index = endOfPlainText(from: index)
            guard index < bytes.count else { return nil }
            switch bytes[index] {
            case UInt8(ascii: "\""):
                return JSONText(range: start..<index, hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                guard let length = Self.lengthOfEscape(at: index, in: bytes) else { return nil }
                index += length
            case 0x80...0xFF:
                guard let length = Self.lengthOfCharacter(at: index, in: bytes) else { return nil }
                index += length
            default:
                return nil
            }
        }
    }

    /// The first byte from a position on that is not a character of its own: a quote, a backslash, a control character,
    /// or one outside ASCII.
    @inline(__always)
    private func endOfPlainText(from start: Int) -> Int {
        bytes.withUnsafeBytes { bytes in
            var index = start
            while bytes.count - index >= 8 {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
                // The lowest byte that is marked is one; those above it may be marked by a borrow.
                let quotes = word ^ (ones &* 0x22)
                let backslashes = word ^ (ones &* 0x5C)
                let marks =
                    (quotes &- ones) & ~quotes | (backslashes &- ones) & ~backslashes | (word &- ones &* 0x20) & ~word
                    | word
                if marks & (ones << 7) != 0 { return index + (marks & (ones << 7)).trailingZeroBitCount / 8 }
                index += 8
            }
            while index < bytes.count {
                let byte = bytes[index]
                guard byte >= 0x20, byte < 0x80, byte != 0x22, byte != 0x5C else { break }
                index += 1
            }
            return index
        }
    }

    /// Where the number at a position ends, and whether it has neither a fraction nor an exponent.
    private func endOfNumber(from start: Int) -> (end: Int, isWhole: Bool)? {
        var index = start
        if index < bytes.count, bytes[index] == UInt8(ascii: "-") { index += 1 }
        let isZero = index < bytes.count && bytes[index] == UInt8(ascii: "0")
        let whole = Self.endOfDigits(from: index, in: bytes)
        guard whole > index, !isZero || whole == index + 1 else { return nil }
        index = whole
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            let fraction = Self.endOfDigits(from: index + 1, in: bytes)
            guard fraction > index + 1 else { return nil }
            index = fraction
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") {
                index += 1
            }
            let exponent = Self.endOfDigits(from: index, in: bytes)
            guard exponent > index else { return nil }
            index = exponent
        }
        return (index, index == whole)
    }

    private static func endOfDigits(from start: Int, in bytes: [UInt8]) -> Int {
        var index = start
        while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) { index += 1 }
        return index
    }

    private static func lengthOfEscape(at index: Int, in bytes: [UInt8]) -> Int? {
        guard index + 1 < bytes.count else { return nil }
        switch bytes[index + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return 2
        case UInt8(ascii: "u"):
            guard index + 5 < bytes.count else { return nil }
            for digit in 2...5 where JSONText.hexDigit(bytes[index + digit]) == nil { return nil }
            return 6
        default:
            return nil
        }
    }

    /// The length of a character outside ASCII, if it is UTF-8 (Unicode, table 3-7: no overlong forms, no surrogates,
    /// nothing past U+10FFFF).
    static func lengthOfCharacter(at index: Int, in bytes: [UInt8]) -> Int? {
        let second: ClosedRange<UInt8>
        let length: Int
        switch bytes[index] {
        case 0xC2...0xDF: (second, length) = (0x80...0xBF, 2)
        case 0xE0: (second, length) = (0xA0...0xBF, 3)
        case 0xED: (second, length) = (0x80...0x9F, 3)
        case 0xE1...0xEF: (second, length) = (0x80...0xBF, 3)
        case 0xF0: (second, length) = (0x90...0xBF, 4)
        case 0xF1...0xF3: (second, length) = (0x80...0xBF, 4)
        case 0xF4: (second, length) = (0x80...0x8F, 4)
        default: return nil
        }
        guard length <= bytes.count - index, second.contains(bytes[index + 1]) else { return nil }
        for offset in 2..<max(2, length) where bytes[index + offset] & 0xC0 != 0x80 { return nil }
        return length
    }
}

/// One in each of eight bytes.
private let ones: UInt64 = 0x0101_0101_0101_0101
