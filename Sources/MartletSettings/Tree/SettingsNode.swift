import Martlet

/// A piece of a file of settings, as it stands there, with its place.
///
/// A member of this type takes whatever the file has: ``SettingsDecoder`` reads it again, as something else, by
/// ``SettingsDecoder/decode(_:from:variables:defaults:)``.
public struct SettingsNode: Hashable, Sendable {
    /// What there is.
    package indirect enum Value: Hashable, Sendable {
        /// Nothing stands behind the key.
        case nothing
        /// A text, a number, `true`: what is not in quotes may be any of them.
        case text(String, isQuoted: Bool)
        case list([SettingsNode])
        case table([Member])
    }

    /// A key with what stands behind it.
    package struct Member: Hashable, Sendable {
        package var key: String
        package var place: SettingsError.Place
        package var node: SettingsNode
    }

    package var value: Value
    package var place: SettingsError.Place
    /// The keys that lead here.
    let keys: SettingsPath
    /// What a table has of the section DEFAULT: it counts where the table itself says nothing.
    var inherited = SettingsMembers()
    /// What holds it, if that is not the file that is being read: a variable of the environment, a file of a secret.
    var source: String?
    /// Whether a list in it is written with commas, as in INI and in variables.
    var isLoose = false
    /// Whether no error quotes it.
    var isSecret = false

    init(value: Value, place: SettingsError.Place, keys: SettingsPath) {
        self.value = value
        self.place = place
        self.keys = keys
    }

    /// The keys that lead here, as errors write them.
    package var path: String { keys.description }

    /// What it is, for errors.
    package var kind: String {
        switch value {
        case .nothing: "empty"
        case .text(_, isQuoted: true): "a text in quotes"
        case .text: "a text"
        case .list: "a list"
        case .table: "a table of keys and values"
        }
    }

    /// An error that is here.
    package func error(_ message: String) -> SettingsError {
        SettingsError(message, path: path, at: source == nil ? place : nil, in: source)
    }

    /// An error for a value that is not as it should be.
    ///
    /// - Parameter expected: what is allowed, such as `a whole number from 1 to 10`.
    package func wrong(_ expected: String) -> SettingsError {
        if case .text(let text, let isQuoted) = value, !isSecret, !mayBeSecret {
            let note = isQuoted ? ", in quotes," : ""
            return error("it is \(SettingsError.quoting(text))\(note) where \(expected) is expected")
        }
        return error("it is \(kind) where \(expected) is expected")
    }

    /// Whether a value may be a secret that somebody has written where it does not belong.
    var mayBeSecret: Bool {
        let name = keys.lastKey?.lowercased() ?? ""
        return ["pass", "secret", "token", "credential", "url", "uri"].contains { name.contains($0) }
    }
}

// MARK: What it holds

extension SettingsNode {
    package func text() throws(SettingsError) -> String {
        guard case .text(let text, _) = value, !text.isEmpty else { throw wrong("a text") }
        return text
    }

    /// What is not in quotes, for what is no text.
    private func plainText(_ expected: String) throws(SettingsError) -> String {
        guard case .text(let text, isQuoted: false) = value else { throw wrong(expected) }
        return text
    }

    package func int(in range: ClosedRange<Int>) throws(SettingsError) -> Int {
        let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let number = Int(try plainText(expected)), range.contains(number) else { throw wrong(expected) }
        return number
    }

    package func number(in range: ClosedRange<Double>) throws(SettingsError) -> Double {
        let bounds = [range.lowerBound, range.upperBound].map { Int(exactly: $0).map(String.init) ?? "\($0)" }
        let isBounded = range.upperBound < .greatestFiniteMagnitude
        let expected = isBounded ? "a number from \(bounds[0]) to \(bounds[1])" : "a number"
        guard let number = Double(try plainText(expected)), range.contains(number) else { throw wrong(expected) }
        return number
    }

    package func bool() throws(SettingsError) -> Bool {
        switch try plainText("true or false").lowercased() {
        case "true", "yes", "on": return true
        case "false", "no", "off": return false
        case "1" where isLoose: return true
        case "0" where isLoose: return false
        default: throw wrong("true or false")
        }
    }

    /// A time; a century at most, so that no sum of times overflows.
    package func duration(from minimum: Duration = .milliseconds(1)) throws(SettingsError) -> Duration {
        let isWhole = minimum.components.attoseconds == 0
        let least = isWhole ? "\(minimum.components.seconds)s" : "\(Int(minimum / .milliseconds(1)))ms"
        let expected = "a time such as 500ms, 30s, 2m or 1.5h\(minimum == .zero ? "" : ", of at least \(least),")"
        guard case .text(let text, _) = value, let duration = DurationText.duration(text), duration >= minimum,
            duration <= .seconds(3_155_760_000)
        else { throw wrong(expected) }
        return duration
    }

    package func bytes(in range: ClosedRange<Int>) throws(SettingsError) -> Int {
        let expected =
            "a size such as 512KiB, 64MiB or 1GiB"
            + (range.upperBound == .max
                ? "" : ", from \(SizeText.text(range.lowerBound)) to \(SizeText.text(range.upperBound))")
        guard case .text(let text, _) = value, let bytes = SizeText.bytes(text), range.contains(bytes) else {
            throw wrong(expected)
        }
        return bytes
    }

    /// One of several words.
    package func choice<Value>(_ choices: KeyValuePairs<String, Value>) throws(SettingsError) -> Value {
        guard case .text(let text, _) = value, let chosen = choices.first(where: { $0.key == text }) else {
            throw wrong("one of \(choices.map(\.key).joined(separator: ", "))")
        }
        return chosen.value
    }

    package func list() throws(SettingsError) -> [SettingsNode] {
        guard case .list(let nodes) = value else { throw wrong("a list") }
        return nodes
    }
}

extension SettingsNode: Decodable {
    /// Takes what is there. Only ``SettingsDecoder`` can give it.
    public init(from decoder: any Decoder) throws {
        throw DecodingError.typeMismatch(
            SettingsNode.self,
            .init(
                codingPath: decoder.codingPath,
                debugDescription: "A piece of a file of settings is read by SettingsDecoder."
            )
        )
    }
}

extension SettingsNode: CustomStringConvertible, CustomReflectable {
    /// Where it is, and what it is: its text may be a secret.
    public var description: String { "\(place.line):\(place.column): \(path): \(kind)" }

    /// What `dump` shows: only the description.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
