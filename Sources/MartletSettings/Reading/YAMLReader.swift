import Martlet
import Yams

/// Reads YAML, as far as it is what settings need: no anchors, no tags of its own, nothing deep.
///
/// The parser, which goes a thousand levels deep at most, compares keys by all that they hold, and an alias holds all that its
/// anchor does: what would keep it busy for ever, or take it deeper than the stack, is refused before it begins.
package enum YAMLReader {
    /// How many pieces may look like anchors or aliases before the parser sees them: with so few, names for names can't grow
    /// to more than some hundred thousand pieces.
    private static let anchorLimit = 32
    /// How far lines may be indented, and how many brackets and braces there may be, where something looks like an anchor:
    /// together with as many anchors they lead to a depth of some thousand.
    private static let (indentationLimit, bracketLimit) = (64, 1_000)
    private static let lineEnds: [Unicode.Scalar] = ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"]
    /// How many tables and lists may be in each other.
    private static let depthLimit = 32
    private static let start = SettingsError.Place(line: 1, column: 1)

    /// What the parser takes pieces for that have no tag.
    private static let tags = Set(
        [Tag.Name.bool, .float, .int, .map, .merge, .null, .seq, .str, .timestamp, .value].map(\.rawValue)
    )

    /// The tree of a text; nothing at all is a piece that is empty.
    package static func tree(of text: String) throws(SettingsError) -> SettingsNode {
        let nothing = SettingsNode(value: .nothing, place: start, keys: .root)
        // The parser takes the text for a C string's, which is not there.
        guard !text.isEmpty else { return nothing }
        try guardParser(from: text)
        do {
            let parser = try Parser(yaml: text, encoding: .utf8)
            // The parser holds the anchors, which the nodes know only as long as it lives.
            return try withExtendedLifetime(parser) {
                guard let root = try parser.singleRoot() else { return nothing }
                return try node(root, .root, at: start, depth: 0)
            }
        } catch let error as SettingsError {
            throw error
        } catch {
            throw SettingsError(error, in: text)
        }
    }

    private static func guardParser(from text: String) throws(SettingsError) {
        var anchors = 0
        var place = start
        var (last, beforeLast): (Unicode.Scalar, Unicode.Scalar) = ("\n", "\n")
        for scalar in text.unicodeScalars {
            if last == "&" || last == "*" {
                // What is a space, or a sign, is not the beginning of a name; and behind a value nothing of the kind can
                // begin, so that a URL's options are none.
                let isName = scalar.properties.isAlphabetic || "0123456789_-".unicodeScalars.contains(scalar)
                let begins = beforeLast.properties.isWhitespace || "[{,:".unicodeScalars.contains(beforeLast)
                if begins, isName { anchors += 1 }
            }
            guard anchors <= anchorLimit else {
                throw SettingsError("there is too much that looks like YAML's anchors", at: place)
            }
            (beforeLast, last) = (last, scalar)
            place.advance(over: scalar)
        }
        if anchors > 0 { try guardDepth(of: text) }
    }

    /// What is within another piece is indented further, or in brackets.
    private static func guardDepth(of text: String) throws(SettingsError) {
        var (place, brackets, indentation) = (start, 0, 0)
        var isIndentation = true
        for scalar in text.unicodeScalars {
            if lineEnds.contains(scalar) {
                (isIndentation, indentation) = (true, 0)
            } else if isIndentation {
                isIndentation = " \t-?:".unicodeScalars.contains(scalar)
                indentation += 1
            }
            if scalar == "[" || scalar == "{" { brackets += 1 }
            guard indentation <= indentationLimit, brackets <= bracketLimit else {
                throw SettingsError("it is too deep for a file in which something looks like YAML's anchors", at: place)
            }
            place.advance(over: scalar)
        }
    }

    private static func node(
        _ node: Yams.Node,
        _ keys: SettingsPath,
        at place: SettingsError.Place,
        depth: Int
    ) throws(SettingsError) -> SettingsNode {
        let place = node.mark.map { SettingsError.Place($0) } ?? place
        func error(_ message: String) -> SettingsError { SettingsError(message, path: keys.description, at: place) }
        guard depth <= depthLimit else { throw error("lists and tables are too deep in each other") }
        guard node.anchor == nil else {
            throw error("there are no anchors here")
        }
        guard tags.contains(node.tag.rawValue) else { throw error("there are no tags here") }
        let value: SettingsNode.Value
        switch node {
        case .scalar(let scalar):
            let isQuoted = scalar.style != .plain
            let isNothing = !isQuoted && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
            value = isNothing ? .nothing : .text(scalar.string, isQuoted: isQuoted)
        case .sequence(let sequence):
            var nodes: [SettingsNode] = []
            for (index, element) in sequence.enumerated() {
                nodes.append(try self.node(element, .element(index, in: keys), at: place, depth: depth + 1))
            }
            value = .list(nodes)
        case .mapping(let mapping):
            var members: [SettingsNode.Member] = []
            for (key, element) in mapping {
                let name = try self.node(key, keys, at: place, depth: depth + 1)
                guard case .text(let text, _) = name.value else {
                    throw name.error("a key is \(name.kind), not a text")
                }
                let node = try self.node(element, .key(text, in: keys), at: name.place, depth: depth + 1)
                members.append(.init(key: text, place: name.place, node: node))
            }
            value = .table(members)
        case .alias:
            throw error("there are no anchors here")
        }
        return SettingsNode(value: value, place: place, keys: keys)
    }
}

extension SettingsError {
    /// What the parser found. What it quotes of the text is left out: there may be secrets in it.
    fileprivate init(_ error: any Error, in text: String) {
        switch error as? YamlError {
        case .reader(let problem, let offset, _, _)?:
            self.init("it is no YAML: \(problem)", at: .end(of: text.prefix(offset ?? 0)))
        case .scanner(let context, let problem, let mark, _)?, .parser(let context, let problem, let mark, _)?:
            if problem.hasPrefix("Maximum nesting level") {
                self.init("lists and tables are too deep in each other", at: Place(mark))
                return
            }
            let context = context.map { $0.text + ", " } ?? ""
            let hint =
                Self.isTabbed(mark.line, of: text) ? "; YAML is indented by spaces, and the line begins with a tab" : ""
            self.init("it is no YAML: \(context)\(problem)\(hint)", at: Place(mark))
        case .composer(_, let problem, let mark, _)?:
            self.init("it is no YAML for settings: \(problem)", at: Place(mark))
        case .duplicatedKeysInMapping(let keys, let context)?:
            let names = keys.map(SettingsError.quoting).joined(separator: ", ")
            self.init("a table has the key \(names) more than once", at: Place(context.mark))
        default:
            self.init("it is no YAML", at: Place(line: 1, column: 1))
        }
    }

    /// Whether there is a tab in the indentation of a line, which is counted from 1.
    private static func isTabbed(_ line: Int, of text: String) -> Bool {
        guard text.utf8.contains(UInt8(ascii: "\t")) else { return false }
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).dropFirst(line - 1)
        return lines.first?.prefix { $0 == " " || $0 == "\t" }.contains("\t") == true
    }
}

extension SettingsError.Place {
    /// Where the parser was.
    fileprivate init(_ mark: Mark) { self.init(line: max(1, mark.line), column: max(1, mark.column)) }
}
