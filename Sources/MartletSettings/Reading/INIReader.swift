/// Reads INI as Python's `RawConfigParser` does, which farine's files are for: sections, `key = value` or `key: value`,
/// keys in lower case, what the section `DEFAULT` says in each of the others, lines that begin with white space as
/// the rest of the value above, and comments that begin a line with `#` or `;`, or follow a value behind ` ;`. A `%` is a `%`.
///
/// Where that parser lets the last of two equal keys count, this one says that there are two.
struct INIReader {
    private static let inheritedSection = "DEFAULT"

    private struct Section {
        let name: String
        let place: SettingsError.Place
        var members: [SettingsNode.Member] = []
        var keys: Set<String> = []

        var path: SettingsPath { .key(name, in: .root) }
    }

    private var sections: [Section] = []
    private var names: Set<String> = []
    private var line = 0
    /// Whether a line that begins with white space goes on with a value.
    private var isInValue = false

    /// The tree of a text: a table of sections, each a table of texts.
    static func tree(of text: String) throws(SettingsError) -> SettingsNode {
        var reader = INIReader()
        for line in text.split(omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == "\r\n" }) {
            try reader.read(line)
        }
        return reader.tree
    }

    private var tree: SettingsNode {
        let defaults = SettingsMembers(sections.first { $0.name == Self.inheritedSection }?.members ?? [])
        let members = sections.map { section in
            var node = SettingsNode(value: .table(section.members), place: section.place, keys: section.path)
            if section.name != Self.inheritedSection { node.inherited = defaults }
            return SettingsNode.Member(key: section.name, place: section.place, node: node)
        }
        var root = SettingsNode(value: .table(members), place: .init(line: 1, column: 1), keys: .root)
        root.inherited = defaults
        return root
    }

    private mutating func read(_ text: Substring) throws(SettingsError) {
        line += 1
        let content = text.trimmed
        if let control = content.unicodeScalars.firstIndex(where: {
            $0.properties.generalCategory == .control && $0 != "\t"
        }) {
            throw SettingsError("a control character is not allowed", at: place(of: content[control...], in: text))
        }
        guard let first = content.unicodeScalars.first, first != "#", first != ";" else { return }
        if isInValue, content.startIndex > text.startIndex {
            append(content.withoutComment)
        } else if first == "[" {
            try open(content, of: text)
        } else {
            try readMember(content, of: text)
        }
    }

    private func place(of part: Substring, in text: Substring) -> SettingsError.Place {
        SettingsError.Place(line: line, column: text[..<part.startIndex].unicodeScalars.count + 1)
    }

    private mutating func open(_ content: Substring, of text: Substring) throws(SettingsError) {
        let place = place(of: content, in: text)
        guard let end = content.firstIndex(of: "]") else {
            throw SettingsError("the name of a section is not closed with ]", at: place)
        }
        let name = String(content[..<end].dropFirst().trimmed)
        let rest = content[end...].dropFirst().trimmed
        guard rest.isEmpty || rest.hasPrefix("#") || rest.hasPrefix(";") else {
            throw SettingsError(
                "behind the name of a section stands something else",
                at: self.place(of: rest, in: text)
            )
        }
        guard !name.isEmpty else { throw SettingsError("a section has no name", at: place) }
        guard names.insert(name).inserted else {
            throw SettingsError("there is more than one section \(SettingsError.quoting(name))", at: place)
        }
        sections.append(Section(name: name, place: place))
        isInValue = false
    }

    private mutating func readMember(_ content: Substring, of text: Substring) throws(SettingsError) {
        let place = place(of: content, in: text)
        guard let end = content.firstIndex(where: { $0 == "=" || $0 == ":" }) else {
            throw SettingsError("it is neither a section in [ ] nor a key with = and its value", at: place)
        }
        let key = content[..<end].trimmed.lowercased()
        guard !key.isEmpty else { throw SettingsError("a key is missing before the \(content[end])", at: place) }
        guard let last = sections.indices.last else {
            throw SettingsError("a key stands before the first section in [ ]", at: place)
        }
        guard sections[last].keys.insert(key).inserted else {
            throw SettingsError(
                "the section has the key \(SettingsError.quoting(key)) more than once",
                path: sections[last].path.description,
                at: place
            )
        }
        let rest = content[end...].dropFirst().trimmed
        let value = rest.withoutComment
        var node = SettingsNode(
            value: value.isEmpty ? .nothing : .text(String(value), isQuoted: false),
            place: value.isEmpty ? place : self.place(of: rest, in: text),
            keys: .key(key, in: sections[last].path)
        )
        node.isLoose = true
        sections[last].members.append(SettingsNode.Member(key: key, place: place, node: node))
        isInValue = true
    }

    /// Goes on with the last value.
    private mutating func append(_ text: Substring) {
        guard let section = sections.indices.last, let member = sections[section].members.indices.last else { return }
        var value = String(text)
        if case .text(var begin, _) = sections[section].members[member].node.value {
            // Its only owner appends to a text without a copy of what is there.
            sections[section].members[member].node.value = .nothing
            begin += "\n\(text)"
            value = begin
        }
        sections[section].members[member].node.value = .text(value, isQuoted: false)
    }
}

extension Substring {
    /// Without white space at both ends.
    var trimmed: Substring {
        var text = drop { $0.isWhitespace }
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }

    /// Without the comment behind a value.
    fileprivate var withoutComment: Substring {
        var isBehindSpace = hasPrefix(";")
        for index in indices {
            if isBehindSpace, self[index] == ";" { return self[..<index].trimmed }
            isBehindSpace = self[index].isWhitespace
        }
        return self
    }
}
