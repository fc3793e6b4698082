/// A way to write names: what stands between segments, and what in a segment is written otherwise.
///
/// Both directions are one to one. A reserved character is `%` with the two hexadecimal digits of its byte, its code.
/// What reads like such a code in a segment, `%` with any number of `25` before the two digits, gets one more `25` when
/// it is written and loses one when it is read. Any other `%` is left alone, also one with a lower-case code: otherwise
/// a foreign name would come back changed.
package struct NameForm: Sendable {
    /// How a segment is written that is `*` or `#` and nothing more.
    enum LoneWildcards: Sendable {
        /// As it is, unless its character is reserved.
        case kept
        /// By its code, as if it were reserved.
        case coded
        /// By its code, and the code by it: a key on the wire that is no pattern may hold the wildcard itself.
        case exchanged
    }

    package let separator: UInt8
    private let reserved: [UInt8]
    private let loneWildcards: LoneWildcards

    private init(separator: Unicode.Scalar, reserved: StaticString, _ loneWildcards: LoneWildcards) {
        self.separator = UInt8(ascii: separator)
        self.reserved = Array("\(reserved)".utf8)
        self.loneWildcards = loneWildcards
    }

    /// The text of names in programs and settings.
    package static let text = NameForm(separator: ".", reserved: ".", .coded)
    /// Topics of MQTT.
    package static let mqtt = NameForm(separator: "/", reserved: "/+#", .kept)
    /// Routing keys of AMQP, channels and lists of Redis.
    package static let dotted = NameForm(separator: ".", reserved: ".", .exchanged)
    /// The text of a bridge's templates, in which braces mean something.
    package static let template = NameForm(separator: ".", reserved: ".{}", .coded)

    // MARK: Names

    /// A name of its segments.
    package func text(of segments: [String]) -> String {
        var bytes: [UInt8] = []
        for (index, segment) in segments.enumerated() {
            if index > 0 { bytes.append(separator) }
            append(segment, to: &bytes)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The segments of a name. Those of no text are one, which is empty.
    package func segments(of text: String) -> [String] {
        parts(of: text).map { read($0[...]) }
    }

    /// What stands between separators, as it is written.
    func parts(of text: String) -> [[UInt8]] {
        text.utf8.split(separator: separator, omittingEmptySubsequences: false).map(Array.init)
    }

    // MARK: Segments

    /// A segment as it is written.
    package func text(of segment: String) -> String {
        var bytes: [UInt8] = []
        append(segment, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func append(_ segment: String, to result: inout [UInt8]) {
        let bytes = Array(segment.utf8)
        if let lone = lone(bytes[...], isWritten: false) {
            result += lone
            return
        }
        for (position, byte) in bytes.enumerated() {
            if reserved.contains(byte) {
                result += Self.code(of: byte)
                continue
            }
            result.append(byte)
            if byte == Self.percent, code(in: bytes[...], after: position, among: reserved) != nil {
                result += Self.twentyFive
            }
        }
    }

    /// The segment that something written is; also a part of one, which is never a wildcard.
    func read(_ bytes: ArraySlice<UInt8>, isWhole: Bool = true) -> String {
        if isWhole, let lone = lone(bytes, isWritten: true) { return String(decoding: lone, as: UTF8.self) }
        guard bytes.contains(Self.percent) else { return String(decoding: bytes, as: UTF8.self) }
        var result: [UInt8] = []
        var position = bytes.startIndex
        while position < bytes.endIndex {
            let byte = bytes[position]
            guard byte == Self.percent, let code = code(in: bytes, after: position, among: reserved) else {
                result.append(byte)
                position += 1
                continue
            }
            result.append(code.isBare ? code.byte : byte)
            position += 3
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// What a segment that is a lone wildcard, or reads like its code, is in the other form; `nil`: it is none.
    private func lone(_ segment: ArraySlice<UInt8>, isWritten: Bool) -> [UInt8]? {
        guard let first = segment.first, loneWildcards != .kept else { return nil }
        if segment.count == 1, Self.wildcards.contains(first) {
            // Where it has a code it is written by that alone.
            return isWritten && loneWildcards == .coded ? nil : Self.code(of: first)
        }
        guard first == Self.percent,
            let code = code(in: segment, after: segment.startIndex, among: Self.wildcards), code.end == segment.endIndex
        else { return nil }
        switch loneWildcards {
        case .exchanged: return code.isBare ? [code.byte] : nil
        case .coded where isWritten: return code.isBare ? [code.byte] : [Self.percent] + segment.dropFirst(3)
        case .coded: return [Self.percent] + Self.twentyFive + segment.dropFirst()
        case .kept: return nil
        }
    }

    // MARK: The rule of the codes

    private static let percent = UInt8(ascii: "%")
    private static let twentyFive = Array("25".utf8)
    private static let wildcards = Array("*#".utf8)

    private static func code(of byte: UInt8) -> [UInt8] { [percent, digit(byte >> 4), digit(byte & 15)] }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + (value - 10)
    }

    /// What stands behind a `%`, if it is any number of `25` and the code of one of some characters.
    ///
    /// - Returns: the character, whether there is no `25` before its code, and where the code ends.
    private func code(
        in bytes: ArraySlice<UInt8>,
        after percent: Int,
        among characters: [UInt8]
    ) -> (byte: UInt8, isBare: Bool, end: Int)? {
        var position = percent + 1
        while position + 1 < bytes.endIndex, bytes[position] == Self.twentyFive[0],
            bytes[position + 1] == Self.twentyFive[1]
        {
            position += 2
        }
        guard position + 1 < bytes.endIndex else { return nil }
        for character in characters
        where bytes[position] == Self.digit(character >> 4) && bytes[position + 1] == Self.digit(character & 15) {
            return (character, position == percent + 1, position + 2)
        }
        return nil
    }
}
