import Martlet

/// A piece of a file of settings, with its place. A pure value.
struct SettingsNode: Hashable, Sendable {
    /// What there is.
    indirect enum Value: Hashable, Sendable {
        /// Nothing stands behind the key.
        case nothing
        /// A text, a number, `true`: what is not in quotes may be any of them.
        case text(String, isQuoted: Bool)
        case list([SettingsNode])
        case table([Member])
    }

    struct Member: Hashable, Sendable {
        var key: String
        var place: SettingsError.Place
        var node: SettingsNode
    }

    var value: Value
    var place: SettingsError.Place
    /// The keys that lead here.
    var path: String

    /// What it is, for errors.
    var kind: String {
        switch value {
        case .nothing: "empty"
        case .text(_, isQuoted: true): "a text in quotes"
        case .text: "a text"
        case .list: "a list"
        case .table: "a table of keys and values"
        }
    }

    /// An error that is here.
    func error(_ message: String) -> SettingsError {
        SettingsError(message, path: path, at: place)
    }

    /// An error for a value that is not as it should be.
    ///
    /// - Parameter expected: what is allowed, such as `a whole number from 1 to 10`.
    func wrong(_ expected: String) -> SettingsError {
        if case .text(let text, let isQuoted) = value, !Self.isSecret(path) {
            let note = isQuoted ? ", in quotes," : ""
            return error("it is \(SettingsError.quoting(text))\(note) where \(expected) is expected")
        }
        return error("it is \(kind) where \(expected) is expected")
    }

    /// Whether a value may be a secret that somebody has written where it does not belong.
    private static func isSecret(_ path: String) -> Bool {
        let name = path.split(separator: ".").last?.lowercased() ?? ""
        return ["pass", "secret", "token", "url"].contains { name.contains($0) }
    }
}

// MARK: What it holds

extension SettingsNode {
    func text() throws(SettingsError) -> String {
        guard case .text(let text, _) = value, !text.isEmpty else { throw wrong("a text") }
        return text
    }

    /// What is not in quotes, for what is no text.
    private func plainText(_ expected: String) throws(SettingsError) -> String {
        guard case .text(let text, isQuoted: false) = value else { throw wrong(expected) }
        return text
    }

    func int(in range: ClosedRange<Int>) throws(SettingsError) -> Int {
        let expected = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let number = Int(try plainText(expected)), range.contains(number) else { throw wrong(expected) }
        return number
    }

    func number(in range: ClosedRange<Double>) throws(SettingsError) -> Double {
        let bounds = [range.lowerBound, range.upperBound].map { Int(exactly: $0).map(String.init) ?? "\($0)" }
        let isBounded = range.upperBound < .greatestFiniteMagnitude
        let expected = isBounded ? "a number from \(bounds[0]) to \(bounds[1])" : "a number"
        guard let number = Double(try plainText(expected)), range.contains(number) else { throw wrong(expected) }
        return number
    }

    func bool() throws(SettingsError) -> Bool {
        switch try plainText("true or false") {
        case "true": return true
        case "false": return false
        default: throw wrong("true or false")
        }
    }

    /// A time; a century at most, so that no sum of times overflows.
    func duration(from minimum: Duration = .milliseconds(1)) throws(SettingsError) -> Duration {
        let expected = "a time such as 500ms, 30s, 2m or 1.5h\(minimum == .zero ? "" : ", of at least 1ms,")"
        guard case .text(let text, _) = value, let duration = DurationText.duration(text), duration >= minimum,
            duration <= .seconds(3_155_760_000)
        else { throw wrong(expected) }
        return duration
    }

    func bytes(in range: ClosedRange<Int>) throws(SettingsError) -> Int {
        let expected =
            "a size such as 512KiB, 64MiB or 1GiB, from \(SizeText.text(range.lowerBound)) to "
            + SizeText.text(range.upperBound)
        guard case .text(let text, _) = value, let bytes = SizeText.bytes(text), range.contains(bytes) else {
            throw wrong(expected)
        }
        return bytes
    }

    /// One of several words.
    func choice<Value>(_ choices: KeyValuePairs<String, Value>) throws(SettingsError) -> Value {
        guard case .text(let text, _) = value, let chosen = choices.first(where: { $0.key == text }) else {
            throw wrong("one of \(choices.map(\.key).joined(separator: ", "))")
        }
        return chosen.value
    }

    func list() throws(SettingsError) -> [SettingsNode] {
        guard case .list(let nodes) = value else { throw wrong("a list") }
        return nodes
    }
}
