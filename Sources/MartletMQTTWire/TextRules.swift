/// The rules for texts, topic names and topic filters (MQTT 5, 1.5.4 and 4.7).
package enum TextRules {
    package enum Verdict: Sendable, Hashable {
        case fine
        /// It has control characters or non-characters.
        case discouraged
        /// It is no UTF-8, or has U+0000.
        case malformed
    }

    package static func check(_ bytes: RawSpan) -> Verdict {
        var verdict = Verdict.fine
        var position = 0
        let end = bytes.byteCount
        while position < end {
            let first = bytes.byte(at: position)
            if first >= 0x20 && first < 0x7F {
                position += 1
                continue
            }
            guard let scalar = scalar(bytes, &position) else { return .malformed }
            if scalar == 0 { return .malformed }
            if isDiscouraged(scalar) { verdict = .discouraged }
        }
        return verdict
    }

    /// The most bytes that a text has.
    package static var longest: Int { 65_535 }

    /// Whether a text can be carried, and no peer has reason to refuse it.
    package static func isFine(_ text: String) -> Bool {
        guard text.utf8.count <= longest else { return false }
        // Nearly all texts are.
        if text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) { return true }
        return check(Array(text.utf8).span.bytes) == .fine
    }

    /// Whether a text can be a Response Topic, which has no wildcards (MQTT 5, 3.3.2.3.5).
    package static func isTopic(_ text: String) -> Bool { isFine(text) && isTopicName(text) }

    /// The character that begins at a position, which is moved behind it; `nil`: there is none.
    private static func scalar(_ bytes: RawSpan, _ position: inout Int) -> UInt32? {
        let first = bytes.byte(at: position)
        position += 1
        // How many bytes follow, and the least character that needs so many.
        let (length, least): (Int, UInt32)
        switch first {
        case 0x00..<0x80: return UInt32(first)
        case 0xC2..<0xE0: (length, least) = (1, 0x80)
        case 0xE0..<0xF0: (length, least) = (2, 0x800)
        case 0xF0..<0xF5: (length, least) = (3, 0x1_0000)
        default: return nil
        }
        guard bytes.byteCount - position >= length else { return nil }
        var scalar = UInt32(first) & (0x3F >> UInt32(length))
        for _ in 0..<length {
            let byte = bytes.byte(at: position)
            guard byte & 0xC0 == 0x80 else { return nil }
            scalar = scalar << 6 | UInt32(byte & 0x3F)
            position += 1
        }
        return scalar >= least && Unicode.Scalar(scalar) != nil ? scalar : nil
    }

    private static func isDiscouraged(_ scalar: UInt32) -> Bool {
        scalar < 0x20 || (0x7F..<0xA0).contains(scalar) || scalar & 0xFFFE == 0xFFFE
            || (0xFDD0...0xFDEF).contains(scalar)
    }

    /// How many levels a topic or filter has.
    package static func levels(of text: String) -> Int {
        text.utf8.count { $0 == slash } + 1
    }

    /// Whether it can be published to.
    static func isTopicName(_ text: String) -> Bool {
        !text.isEmpty && !text.utf8.contains { $0 == plus || $0 == hash }
    }

    /// Whether each wildcard is a whole level, and `#` the last one.
    static func isFilter(_ text: some StringProtocol) -> Bool {
        guard !text.isEmpty else { return false }
        var text = Substring(text)
        return text.withUTF8 { bytes in
            for (place, byte) in bytes.enumerated() where byte == plus || byte == hash {
                let beginsLevel = place == 0 || bytes[place - 1] == slash
                let isLast = place == bytes.count - 1
                guard beginsLevel, isLast || (byte == plus && bytes[place + 1] == slash) else { return false }
            }
            return true
        }
    }

    private static let slash = UInt8(ascii: "/")
    private static let plus = UInt8(ascii: "+")
    private static let hash = UInt8(ascii: "#")
}

extension RawSpan {
    func byte(at position: Int) -> UInt8 { unsafeLoad(fromByteOffset: position, as: UInt8.self) }
}
