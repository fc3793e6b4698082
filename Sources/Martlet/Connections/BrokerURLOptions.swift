/// The options of a broker's URL, read one by one by who knows them.
///
/// Each read says what is known; ``finish()`` then finds what nobody knew or what stands there twice, so that a misspelt
/// option is an error and not a silent nothing. Errors are ``MessagingError/Code/invalidArgument`` and name the option.
package struct BrokerURLOptions: Sendable {
    /// How errors name the URL.
    let url: String
    private let values: [String: [String]]
    /// In the order asked for.
    private(set) var known: [String] = []

    package init(of url: BrokerURL) {
        self.url = shortened(url.withoutQuery)
        values = Dictionary(grouping: url.query, by: \.name).mapValues { $0.map(\.value) }
    }

    /// The text of an option, which may be empty; `nil` if it isn't there.
    package mutating func string(_ name: String) -> String? {
        if !known.contains(name) { known.append(name) }
        return values[name]?.first
    }

    /// Whether an option is there.
    func isPresent(_ name: String) -> Bool { values[name] != nil }

    /// A whole number.
    package mutating func int(_ name: String, in range: ClosedRange<Int> = 0...Int.max) throws -> Int? {
        guard let text = string(name) else { return nil }
        let limits =
            range.upperBound == .max ? "from \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
        guard let number = Int(text), range.contains(number) else {
            throw wrong(name, text, "a whole number \(limits)")
        }
        return number
    }

    /// A truth value.
    package mutating func bool(_ name: String) throws -> Bool? {
        try choice(
            name,
            ["true": true, "false": false, "yes": true, "no": false, "on": true, "off": false, "1": true, "0": false]
        )
    }

    /// A time: a number, which may have a fraction, and `ms`, `s`, `m` (minutes) or `h`; seconds if nothing follows.
    /// It is at most a century.
    package mutating func duration(
        _ name: String,
        in range: ClosedRange<Duration> = .zero...Duration.seconds(3_155_760_000)
    ) throws -> Duration? {
        guard let text = string(name) else { return nil }
        guard let duration = DurationText.duration(text) else {
            throw wrong(name, text, "a time such as 30s, 500ms, 2m or 1.5")
        }
        guard range.contains(duration) else {
            throw wrong(name, text, "a time from \(range.lowerBound) to \(range.upperBound)")
        }
        return duration
    }

    /// One of several words.
    package mutating func choice<Value>(_ name: String, _ choices: KeyValuePairs<String, Value>) throws -> Value? {
        guard let text = string(name) else { return nil }
        guard let chosen = choices.first(where: { $0.key == text }) else {
            throw wrong(name, text, "one of \(choices.map(\.key).joined(separator: ", "))")
        }
        return chosen.value
    }

    /// Texts between commas; none of them is empty.
    package mutating func list(_ name: String) throws -> [String]? {
        guard let text = string(name) else { return nil }
        let items = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        if items.contains("") { throw wrong(name, text, "one or more texts between commas") }
        return items
    }

    /// Says that all options have been read.
    /// - Throws: if there are others, or one of them more than once.
    package func finish() throws {
        let unknown = values.keys.filter { !known.contains($0) }.sorted()
        let list = known.isEmpty ? "it has no options" : "its options are \(known.joined(separator: ", "))"
        if !unknown.isEmpty {
            let names = unknown.prefix(5).map(quoted).joined(separator: ", ")
            throw MessagingError(
                .invalidArgument,
                "\(url) does not know the option\(unknown.count == 1 ? "" : "s") \(names); \(list)"
            )
        }
        if let name = known.first(where: { values[$0, default: []].count > 1 }) {
            throw MessagingError(.invalidArgument, "the option \(name) of \(url) is given more than once; \(list)")
        }
    }

    /// An error about an option's value.
    func wrong(_ name: String, _ text: String, _ expected: String) -> MessagingError {
        let value = BrokerURL.isSecret(name) ? "…" : quoted(text)
        return MessagingError(
            .invalidArgument,
            "the option \(name) of \(url) is \(value), where \(expected) is expected"
        )
    }
}

extension BrokerURLOptions: CustomStringConvertible, CustomReflectable {
    /// Which options there are, without their values.
    package var description: String { "options of \(url): \(values.keys.sorted().joined(separator: ", "))" }

    /// What `dump` shows: only the description.
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension BrokerURL {
    /// The options, to be read one by one.
    package func options() -> BrokerURLOptions { BrokerURLOptions(of: self) }
}
