/// A name made of segments between dots, parsed once and shared.
///
/// Topics, queues and filters are built on it. A name is a value that may be wrong: making one never
/// traps and never throws, so that contracts can be constants (`let sonar = Topic<Sonar>("sensors.sonar")`).
/// What is wrong with it is found when it is made and thrown when it is used.
struct DottedName: Sendable {
    /// MQTT 3.1.1, section 4.7.3: a topic is at most 65,535 bytes of UTF-8.
    static let maximumBytes = 65_535
    /// A bound on the work that one name can cause. No broker names one; real names have fewer than ten.
    static let maximumSegments = 128

    private final class Storage: Sendable {
        let text: String
        let problem: String?
        let isValid: Bool
        let hash: Int
        /// A pattern's, which is matched again and again. A name is mostly passed on as a whole.
        let segments: [String]?

        init(text: String, problem: String?, segments: [String]?) {
            self.text = text
            self.problem = problem
            self.segments = segments
            isValid = problem == nil
            hash = text.hashValue
        }
    }

    private let storage: Storage

    /// - Parameter wildcards: whether `*` and a last `#` are segments (a filter) or errors (a name).
    init(_ text: String, wildcards: Bool = false) {
        let segments = wildcards ? Self.segments(of: text) : nil
        let problem: String?
        if Self.isPlain(text) {
            problem = nil
        } else {
            problem = Self.problem(in: text, segments: segments ?? Self.segments(of: text), wildcards: wildcards)
        }
        storage = Storage(text: text, problem: problem, segments: segments)
    }

    func isSame(as other: DottedName) -> Bool { storage === other.storage }
    var text: String { storage.text }
    var segments: [String] { storage.segments ?? Self.segments(of: text) }
    var isValid: Bool { storage.isValid }
    /// What is wrong with the name, and where; `nil` if it is valid.
    var problem: String? { storage.problem }

    private static func segments(of text: String) -> [String] {
        text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    }

    /// Whether its bytes alone tell that a name is valid, without a wildcard: those of nearly all names do, and every
    /// message that arrives brings one.
    private static func isPlain(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            guard let first = bytes.first, bytes.count <= maximumBytes, first != UInt8(ascii: "$") else { return false }
            var segments = 1
            var isEmpty = true
            for byte in bytes {
                switch byte {
                case UInt8(ascii: "."):
                    if isEmpty { return false }
                    isEmpty = true
                    segments += 1
                case UInt8(ascii: "*"), UInt8(ascii: "#"), UInt8(ascii: "+"): return false
                // Neither white space nor a control character, and no part of one.
                case 0x21...0x7e: isEmpty = false
                default: return false
                }
            }
            return !isEmpty && segments <= maximumSegments
        }
    }

    private static func problem(in text: String, segments: [String], wildcards: Bool) -> String? {
        if text.isEmpty { return "it is empty" }
        if text.utf8.count > maximumBytes {
            return "it has \(text.utf8.count) bytes, at most \(maximumBytes) are allowed"
        }
        if segments.count > maximumSegments {
            return "it has \(segments.count) segments, at most \(maximumSegments) are allowed"
        }
        if segments[0].utf8.first == UInt8(ascii: "$") {
            return "it begins with '$', which brokers keep for themselves"
        }
        for (index, segment) in segments.enumerated() {
            if segment.isEmpty { return "segment \(index + 1) is empty" }
            if wildcards, segment == "*" { continue }
            if wildcards, segment == "#" {
                if index == segments.count - 1 { continue }
                return "segment \(index + 1) is '#', which may only stand last"
            }
            if let problem = problem(inSegment: segment, wildcards: wildcards) {
                return "segment \(index + 1) \(problem)"
            }
        }
        return nil
    }

    private static func problem(inSegment segment: String, wildcards: Bool) -> String? {
        for scalar in segment.unicodeScalars {
            switch scalar {
            case "*", "#":
                return wildcards
                    ? "mixes '\(scalar)' with other characters; a wildcard is a whole segment"
                    : "contains the wildcard '\(scalar)', which only a filter may"
            case "+":
                return "contains '+', which is a wildcard in MQTT"
            case _ where scalar.properties.isWhitespace || scalar.properties.generalCategory == .control:
                return "contains white space or a control character (U+\(String(scalar.value, radix: 16)))"
            default:
                continue
            }
        }
        return nil
    }
}

extension DottedName: Hashable {
    static func == (a: DottedName, b: DottedName) -> Bool {
        a.storage === b.storage || (a.storage.hash == b.storage.hash && a.storage.text == b.storage.text)
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(storage.hash)
    }
}
