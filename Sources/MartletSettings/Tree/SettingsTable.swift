/// A table of a file of settings, read key by key by who knows them.
///
/// Each read says what is known; ``finish(_:)`` then finds what nobody knew, so that a misspelt key is an error and not a
/// silent nothing.
package struct SettingsTable {
    package let node: SettingsNode
    private let members: [SettingsNode.Member]
    /// In the order asked for.
    private var known: [String] = []

    /// - Parameter other: what else would do, for the error if it is no table.
    package init(_ node: SettingsNode, or other: String? = nil) throws(SettingsError) {
        guard case .table(let members) = node.value else {
            throw node.wrong((other.map { "\($0) or " } ?? "") + "a table of keys and values")
        }
        self.node = node
        self.members = members
    }

    /// What stands behind a key; `nil` if the key is not there.
    package mutating func find(_ key: String) -> SettingsNode? {
        if !known.contains(key) { known.append(key) }
        return members.first { $0.key == key }?.node
    }

    /// Whether a key is there.
    package func has(_ key: String) -> Bool { members.contains { $0.key == key } }

    /// What a function makes of what stands behind a key.
    package mutating func read<Value>(
        _ key: String,
        _ body: (SettingsNode) throws(SettingsError) -> Value
    ) throws(SettingsError) -> Value? {
        guard let node = find(key) else { return nil }
        return try body(node)
    }

    package mutating func text(_ key: String) throws(SettingsError) -> String? {
        try read(key) { node throws(SettingsError) in try node.text() }
    }

    package mutating func bool(_ key: String) throws(SettingsError) -> Bool? {
        try read(key) { node throws(SettingsError) in try node.bool() }
    }

    package mutating func duration(_ key: String, from minimum: Duration = .milliseconds(1)) throws(SettingsError)
        -> Duration?
    {
        try read(key) { node throws(SettingsError) in try node.duration(from: minimum) }
    }

    package mutating func int(_ key: String, in range: ClosedRange<Int>) throws(SettingsError) -> Int? {
        try read(key) { node throws(SettingsError) in try node.int(in: range) }
    }

    package mutating func number(_ key: String, in range: ClosedRange<Double>) throws(SettingsError) -> Double? {
        try read(key) { node throws(SettingsError) in try node.number(in: range) }
    }

    package mutating func bytes(_ key: String, in range: ClosedRange<Int>) throws(SettingsError) -> Int? {
        try read(key) { node throws(SettingsError) in try node.bytes(in: range) }
    }

    package mutating func choice<Value>(
        _ key: String,
        _ choices: KeyValuePairs<String, Value>
    ) throws(SettingsError) -> Value? {
        try read(key) { node throws(SettingsError) in try node.choice(choices) }
    }

    package mutating func list(_ key: String) throws(SettingsError) -> [SettingsNode]? {
        try read(key) { node throws(SettingsError) in try node.list() }
    }

    /// Says that two keys exclude each other.
    package func exclude(_ one: String, _ other: String) throws(SettingsError) {
        guard has(one), has(other) else { return }
        throw node.error("\(one) and \(other) exclude each other")
    }

    /// Says that all keys have been read.
    ///
    /// - Parameter what: what the table is, such as `a route of topics`.
    /// - Throws: if there are others.
    package func finish(_ what: String) throws(SettingsError) {
        guard let stranger = members.first(where: { !known.contains($0.key) }) else { return }
        throw node.unknown(stranger, what, known: known)
    }
}
