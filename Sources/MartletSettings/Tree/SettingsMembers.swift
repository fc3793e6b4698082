/// The members of a table by their keys: each is found at once, however many there are.
struct SettingsMembers: Sendable {
    /// As they stand in the file.
    let all: [SettingsNode.Member]
    /// Where each key is, as it is written.
    private let places: [String: Int]
    /// Where the first key of those is that are one in several spellings, and the second.
    private let spellings: [String: (first: Int, second: Int?)]

    init(_ members: [SettingsNode.Member] = []) {
        var places: [String: Int] = [:]
        var spellings: [String: (first: Int, second: Int?)] = [:]
        for (place, member) in members.enumerated() {
            if places[member.key] == nil { places[member.key] = place }
            let name = KeySpelling.folded(member.key)
            if let known = spellings[name] {
                if known.second == nil { spellings[name] = (known.first, place) }
            } else {
                spellings[name] = (place, nil)
            }
        }
        all = members
        self.places = places
        self.spellings = spellings
    }

    /// The member of a key, as it is written.
    subscript(key: String) -> SettingsNode.Member? { places[key].map { all[$0] } }

    /// The member of a key, in whatever spelling.
    ///
    /// - Throws: ``SettingsError`` if it is there twice, in two spellings.
    func find(_ key: String) throws(SettingsError) -> SettingsNode.Member? {
        guard let places = spellings[KeySpelling.folded(key)] else { return nil }
        let found = all[places.first]
        if let second = places.second {
            throw SettingsError(
                "\(SettingsError.quoting(found.key)) and \(SettingsError.quoting(all[second].key)) "
                    + "are one key in two spellings",
                path: all[second].node.path,
                at: all[second].place
            )
        }
        return found
    }
}

extension SettingsMembers: Hashable {
    static func == (one: SettingsMembers, other: SettingsMembers) -> Bool { one.all == other.all }
    func hash(into hasher: inout Hasher) { hasher.combine(all) }
}
