/// A place that a type asks for: what the file has there, and by which names the environment and the defaults know it.
struct SettingsSpot {
    /// `nil`: the file has no such key.
    var node: SettingsNode?
    var codingPath: [any CodingKey]
    /// The section and the keys in it that lead here; `nil` in lists, whose elements have no names.
    var names: [String]?
    /// What holds here if nothing is said: the value of the same member of the defaults.
    var defaults: Any?
    /// Where errors are if the file has nothing here: the table that lacks it.
    var parent: SettingsNode?

    /// The keys that lead here, as errors write them.
    var path: String {
        if let node { return node.path }
        guard let key = codingPath.last else { return "" }
        return SettingsPath.key(KeySpelling.snake(key.stringValue), in: parent?.keys ?? .root).description
    }

    /// Whether the file says something here.
    var isInFile: Bool {
        switch node?.value {
        case nil, .nothing?: false
        default: true
        }
    }

    /// The member of the defaults that has a name.
    func defaults(for key: String) -> Any? {
        guard let defaults else { return nil }
        let name = KeySpelling.folded(key)
        var mirror = Mirror(reflecting: defaults)
        if mirror.displayStyle == .optional {
            guard let wrapped = mirror.children.first?.value else { return nil }
            mirror = Mirror(reflecting: wrapped)
        }
        guard mirror.displayStyle == .struct || mirror.displayStyle == .class else { return nil }
        return mirror.children.first { $0.label.map(KeySpelling.folded) == name }?.value
    }
}
