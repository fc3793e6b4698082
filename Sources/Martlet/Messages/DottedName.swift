/// A name made of segments, parsed once and shared.
///
/// Topics and queues are built on it. A name is a value that may be wrong: making one never traps and never throws, so
/// that contracts can be constants (`let sonar = Topic<Sonar>("sensors.sonar")`). What is wrong with it is found when it
/// is made and thrown when it is used.
struct DottedName: Sendable {
    /// MQTT 5, section 4.7.3: a topic is at most 65,535 bytes of UTF-8.
    static let maximumBytes = 65_535
    /// A routing key of AMQP has no more words; mosquitto refuses a topic of more than 200 levels.
    static let maximumSegments = 256

    private final class Storage: Sendable {
        let text: String
        /// Of a name that is not plain. Of a plain one they are what stands between the text's dots.
        let segments: [String]?
        let problem: String?
        let hash: Int
        /// Whether it has a slash and came from text, where a slash used to mean the same as a dot on MQTT.
        let hasWrittenSlash: Bool

        init(_ text: String, segments: [String]?, problem: String?, hasWrittenSlash: Bool) {
            self.text = text
            self.segments = segments
            self.problem = problem
            self.hasWrittenSlash = hasWrittenSlash
            hash = ByteKey(text).hashValue
        }
    }

    private let storage: Storage

    private init(storage: Storage) {
        self.storage = storage
    }

    /// The name of a text.
    init(_ text: String) {
        if Self.isPlain(text, separator: NameForm.text.separator) {
            self.init(storage: Storage(text, segments: nil, problem: nil, hasWrittenSlash: false))
            return
        }
        let parts = NameForm.text.parts(of: text)
        let wildcard = parts.firstIndex { $0 == [UInt8(ascii: "*")] || $0 == [UInt8(ascii: "#")] }
        self.init(
            segments: parts.map { NameForm.text.read($0[...]) },
            text: text,
            problem: wildcard.map { place in
                let character = parts[place] == [UInt8(ascii: "*")] ? "*" : "#"
                return "segment \(place + 1) is the wildcard '\(character)', which only a filter may have; "
                    + "the segment of that character is written '\(NameForm.text.text(of: character))'"
            },
            isWritten: true
        )
    }

    /// The name of some segments.
    init(segments: [String]) {
        self.init(segments: segments, text: NameForm.text.text(of: segments), problem: nil)
    }

    /// The name of what stands on a wire.
    ///
    /// - Parameter problem: what is wrong with it there.
    init(_ wire: String, in form: NameForm, problem: String? = nil) {
        if problem == nil, Self.isPlain(wire, separator: form.separator) {
            let text = wire.replacingByte(form.separator, with: NameForm.text.separator)
            self.init(storage: Storage(text, segments: nil, problem: nil, hasWrittenSlash: false))
            return
        }
        let segments = form.segments(of: wire)
        self.init(segments: segments, text: NameForm.text.text(of: segments), problem: problem)
    }

    private init(segments: [String], text: String, problem: String?, isWritten: Bool = false) {
        let isPlain = !segments.isEmpty && Self.isPlain(text, separator: NameForm.text.separator)
        self.init(
            storage: Storage(
                text,
                segments: isPlain ? nil : segments,
                problem: problem ?? (isPlain ? nil : Self.problem(in: segments)),
                hasWrittenSlash: isWritten && text.utf8.contains(UInt8(ascii: "/"))
            )
        )
    }

    /// The name with one more segment.
    func appending(_ segment: String) -> DottedName {
        let segments = segments + [segment]
        let isWritten = hasWrittenSlash && !segment.utf8.contains(UInt8(ascii: "/"))
        return DottedName(
            segments: segments,
            text: NameForm.text.text(of: segments),
            problem: problem,
            isWritten: isWritten
        )
    }

    /// The name with all of another one before it.
    func below(_ base: DottedName) -> DottedName {
        let segments = base.segments + segments
        return DottedName(
            segments: segments,
            text: NameForm.text.text(of: segments),
            problem: base.problem ?? problem,
            isWritten: base.hasWrittenSlash || hasWrittenSlash
        )
    }

    func isSame(as other: DottedName) -> Bool { storage === other.storage }
    var text: String { storage.text }
    var segments: [String] {
        storage.segments
            ?? text.utf8.split(separator: NameForm.text.separator, omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
    }
    var isValid: Bool { storage.problem == nil }
    /// What is wrong with the name, and where; `nil` if it is valid.
    var problem: String? { storage.problem }
    var hasWrittenSlash: Bool { storage.hasWrittenSlash }
    /// Whether it is valid and made of characters that no form writes otherwise, which nearly all names are.
    var isPlain: Bool { storage.segments == nil }

    /// The name in another form.
    func text(in form: NameForm) -> String {
        if let segments = storage.segments { return form.text(of: segments) }
        return form.separator == NameForm.text.separator
            ? text : text.replacingByte(NameForm.text.separator, with: form.separator)
    }

    /// Whether its bytes alone tell that a name is valid and written the same everywhere but for what stands between its
    /// segments: those of nearly all names do, and every message that arrives brings one.
    private static func isPlain(_ text: String, separator: UInt8) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            guard !bytes.isEmpty, bytes.count <= maximumBytes else { return false }
            var segments = 1
            for byte in bytes {
                switch byte {
                case separator: segments += 1
                case UInt8(ascii: "*"), UInt8(ascii: "#"), UInt8(ascii: "+"), UInt8(ascii: "%"), UInt8(ascii: "."),
                    UInt8(ascii: "/"):
                    return false
                case 0x20...0x7E: break
                default: return false
                }
            }
            return segments <= maximumSegments
        }
    }

    /// What is wrong with segments, for topics, queues and filters alike.
    static func problem(in segments: [String]) -> String? {
        if segments.isEmpty { return "it has no segment" }
        if segments.count > maximumSegments {
            return "it has \(segments.count) segments, at most \(maximumSegments) are allowed"
        }
        let bytes = segments.reduce(segments.count - 1) { $0 + $1.utf8.count }
        if bytes > maximumBytes { return "it has \(bytes) bytes, at most \(maximumBytes) are allowed" }
        if let place = segments.firstIndex(where: { $0.utf8.contains(0) }) {
            return "segment \(place + 1) contains U+0000"
        }
        return nil
    }
}

extension DottedName: Hashable {
    static func == (a: DottedName, b: DottedName) -> Bool {
        a.storage === b.storage || (a.storage.hash == b.storage.hash && a.storage.text.hasSameBytes(as: b.storage.text))
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(storage.hash)
    }
}

extension String {
    /// The text with one ASCII character in place of another.
    fileprivate func replacingByte(_ old: UInt8, with new: UInt8) -> String {
        if old == new { return self }
        var text = self
        return text.withUTF8 { bytes in
            String(unsafeUninitializedCapacity: bytes.count) { buffer in
                for (index, byte) in bytes.enumerated() { buffer[index] = byte == old ? new : byte }
                return bytes.count
            }
        }
    }
}
