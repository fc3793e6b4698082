import Martlet
import Yams

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Reads YAML, as far as it is what settings need: no anchors, no tags of its own, nothing deep.
///
/// The parser, which goes a thousand levels deep at most, compares keys by all that they hold: what would keep it busy for
/// ever is refused before it begins.
enum SettingsFile {
    /// The most bytes that a file may have.
    static let limit = 1 << 20
    /// How many pieces may look like anchors or aliases before the parser sees them: with so few, names for names can't grow
    /// to more than some hundred thousand pieces.
    private static let anchorLimit = 32
    /// How many tables and lists may be in each other.
    private static let depthLimit = 12
    private static let instead = "options of all routes stand in defaults"

    /// What the parser takes pieces for that have no tag.
    private static var tags: [Tag] {
        [.bool, .float, .int, .map, .merge, .null, .seq, .str, .timestamp, .value].map { Tag($0) }
    }

    /// What a file holds.
    ///
    /// - Throws: ``Failure`` if it can't be read; ``SettingsError``.
    static func contents(of path: String) throws -> String {
        func failure() -> Failure {
            Failure(.noInput, "the file \(quoted(path)) can't be read: \(String(cString: strerror(errno)))")
        }
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw failure() }
        defer { close(file) }
        var all: [UInt8] = []
        while true {
            var count = 0
            all += [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, size in
                count = read(file, buffer.baseAddress, buffer.count)
                size = max(0, count)
            }
            if count < 0 { throw failure() }
            if count == 0 { break }
            guard all.count <= limit else { throw SettingsError("it has more than \(SizeText.text(limit))") }
        }
        guard var text = String(validating: all, as: UTF8.self) else { throw SettingsError("it is not UTF-8") }
        // The mark that some editors begin a file with.
        if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
        return text
    }

    /// The tree of a text.
    static func tree(of text: String) throws(SettingsError) -> SettingsNode {
        try guardParser(from: text)
        do {
            let parser = try Parser(yaml: text, encoding: .utf8)
            // The parser holds the anchors, which the nodes know only as long as it lives.
            return try withExtendedLifetime(parser) {
                guard let root = try parser.singleRoot() else { throw SettingsError("it is empty") }
                return try node(root, path: "", at: .init(line: 1, column: 1), depth: 0)
            }
        } catch let error as SettingsError {
            throw error
        } catch {
            throw SettingsError(error, in: text)
        }
    }

    private static func guardParser(from text: String) throws(SettingsError) {
        // The parser takes the text for a C string's, which is not there.
        guard !text.isEmpty else { throw SettingsError("it is empty") }
        var anchors = 0
        var (last, beforeLast): (Unicode.Scalar, Unicode.Scalar) = ("\n", "\n")
        for scalar in text.unicodeScalars {
            // What is a space, or a sign, is not the beginning of a name; and behind a value nothing of the kind can begin,
            // so that a URL's options are none.
            let isName = scalar.properties.isAlphabetic || "0123456789_-".unicodeScalars.contains(scalar)
            let begins = beforeLast.properties.isWhitespace || "[{,:".unicodeScalars.contains(beforeLast)
            if begins, isName, last == "&" || last == "*" { anchors += 1 }
            (beforeLast, last) = (last, scalar)
        }
        guard anchors <= anchorLimit else {
            throw SettingsError("there is too much that looks like YAML's anchors; \(instead)")
        }
    }

    private static func node(
        _ node: Yams.Node,
        path: String,
        at place: SettingsError.Place,
        depth: Int
    ) throws(SettingsError) -> SettingsNode {
        let place = node.mark.map { SettingsError.Place(line: $0.line, column: $0.column) } ?? place
        func error(_ message: String) -> SettingsError { SettingsError(message, path: path, at: place) }
        guard depth <= depthLimit else { throw error("lists and tables are too deep in each other") }
        guard node.anchor == nil else {
            throw error("there are no anchors here; \(instead)")
        }
        guard tags.contains(node.tag) else { throw error("there are no tags here") }
        let value: SettingsNode.Value
        switch node {
        case .scalar(let scalar):
            let isQuoted = scalar.style != .plain
            let isNothing = !isQuoted && ["", "~", "null"].contains(scalar.string)
            value = isNothing ? .nothing : .text(scalar.string, isQuoted: isQuoted)
        case .sequence(let sequence):
            var nodes: [SettingsNode] = []
            for (index, element) in sequence.enumerated() {
                nodes.append(try self.node(element, path: "\(path)[\(index)]", at: place, depth: depth + 1))
            }
            value = .list(nodes)
        case .mapping(let mapping):
            var members: [SettingsNode.Member] = []
            for (key, element) in mapping {
                let name = try self.node(key, path: path, at: place, depth: depth + 1)
                guard case .text(let text, _) = name.value else {
                    throw name.error("a key is \(name.kind), not a text")
                }
                let path = path.isEmpty ? text : "\(path).\(text)"
                let node = try self.node(element, path: path, at: name.place, depth: depth + 1)
                members.append(.init(key: text, place: name.place, node: node))
            }
            value = .table(members)
        case .alias:
            throw error("there are no anchors here; \(instead)")
        }
        return SettingsNode(value: value, place: place, path: path)
    }
}

extension SettingsError {
    /// What the parser found. What it quotes of the text is left out: there may be secrets in it.
    fileprivate init(_ error: any Error, in text: String) {
        switch error as? YamlError {
        case .reader(let problem, let offset, _, _)?:
            let before = text.prefix(offset ?? 0)
            let line = before.count { $0.isNewline } + 1
            self.init("it is no YAML: \(problem)", at: .init(line: line, column: 1))
        case .scanner(let context, let problem, let mark, _)?, .parser(let context, let problem, let mark, _)?:
            if problem.hasPrefix("Maximum nesting level") {
                self.init("lists and tables are too deep in each other")
                return
            }
            let context = context.map { $0.text + ", " } ?? ""
            self.init("it is no YAML: \(context)\(problem)", at: .init(line: mark.line, column: mark.column))
        case .composer(_, let problem, let mark, _)?:
            self.init("it is no YAML for settings: \(problem)", at: .init(line: mark.line, column: mark.column))
        case .duplicatedKeysInMapping(let keys, let context)?:
            let names = keys.map(SettingsError.quoting).joined(separator: ", ")
            self.init(
                "a table has the key \(names) more than once",
                at: .init(line: context.mark.line, column: context.mark.column)
            )
        default:
            self.init("it is no YAML")
        }
    }
}
