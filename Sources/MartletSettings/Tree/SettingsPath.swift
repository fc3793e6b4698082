/// The keys that lead to a piece of a file. A path shares its beginning with others, so that long keys cost no memory.
package indirect enum SettingsPath: Hashable, Sendable {
    case root
    case key(String, in: SettingsPath)
    /// An element of a list, counted from 0.
    case element(Int, in: SettingsPath)

    /// The last key, from which an element of a list has its meaning too.
    var lastKey: String? {
        switch self {
        case .root: nil
        case .key(let key, _): key
        case .element(_, let list): list.lastKey
        }
    }

    /// How many keys and elements there are.
    var count: Int {
        switch self {
        case .root: 0
        case .key(_, let path), .element(_, let path): path.count + 1
        }
    }
}

extension SettingsPath: CustomStringConvertible {
    /// As errors write it: `routes[2].rate`.
    package var description: String {
        switch self {
        case .root: ""
        case .key(let key, .root): shortenedKey(key)
        case .key(let key, let path): "\(path).\(shortenedKey(key))"
        case .element(let index, let path): "\(path)[\(index)]"
        }
    }

    private func shortenedKey(_ key: String) -> String {
        key.unicodeScalars.count <= 80 ? key : String(key.unicodeScalars.prefix(77)) + "…"
    }
}
