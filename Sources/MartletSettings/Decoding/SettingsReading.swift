import Martlet

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// One reading of a value: it remembers which keys were asked for, and what came from the environment.
final class SettingsReading {
    let environment: SettingsEnvironment
    let userInfo: [CodingUserInfoKey: Any]
    /// The names of the credentials that there are.
    private let credentials: [String]
    /// The tables that were opened, in that order.
    private var tables: [Table] = []
    private var tableIndices: [SettingsPath: Int] = [:]
    /// For which path each variable was read.
    private var paths: [String: String] = [:]
    /// Values that could not be made, and what may have been said for them.
    private var attempts: [(mentions: [String], error: any Error)] = []
    /// How many values came from the environment.
    private var environmentReads = 0
    /// How many containers were asked for.
    private var containers = 0
    /// How deep values may be in each other.
    private static let depthLimit = 64

    /// A table that was opened.
    private struct Table {
        let node: SettingsNode
        /// The keys that were asked for, in that order.
        private(set) var known: [String] = []
        private var names: Set<String> = []
        /// Whether all keys that there are were taken.
        var isOpen = false

        init(_ node: SettingsNode) {
            self.node = node
        }

        mutating func ask(for key: String) {
            if names.insert(key).inserted { known.append(key) }
        }
    }

    init(_ environment: SettingsEnvironment, userInfo: [CodingUserInfoKey: Any]) throws(SettingsError) {
        self.environment = environment
        self.userInfo = userInfo
        credentials = try environment.credentials()
    }

    // MARK: Values

    /// The value at a spot of a table, as a member that has to be there.
    func required<Value: Decodable>(_ type: Value.Type, at spot: SettingsSpot) throws -> Value {
        if let value = try optional(type, at: spot) { return value }
        // What is empty is told by what it should be.
        guard spot.node == nil else { return try value(type, at: spot) }
        throw missing(spot)
    }

    /// The value at a spot of a table; `nil` if neither file nor environment nor defaults say anything.
    func optional<Value: Decodable>(_ type: Value.Type, at spot: SettingsSpot) throws -> Value? {
        if spot.isInFile { return try value(type, at: spot) }
        let mentions = mentions(of: spot)
        if !mentions.isEmpty {
            // What begins with the same words may be for another key: only if something was found was it for this one.
            let before = environmentReads
            let result = Result { try value(type, at: spot) }
            if environmentReads > before { return try result.get() }
            if case .failure(let error) = result { attempts.append((mentions, error)) }
        }
        return spot.defaults as? Value
    }

    /// The value that the file or the environment has at a spot.
    func value<Value: Decodable>(_ type: Value.Type, at spot: SettingsSpot) throws -> Value {
        guard spot.codingPath.count <= Self.depthLimit else {
            throw SettingsError("values are too deep in each other", path: spot.path, at: place(of: spot))
        }
        // In two steps: cast at once, what is no simple value would be an optional's nothing.
        if let simple = try simpleValue(type, at: spot), let value = simple as? Value { return value }
        let before = containers
        let value: Value
        do {
            value = try Value(from: SettingsValueDecoder(reading: self, spot: spot))
        } catch let error as SettingsError {
            throw error
        } catch {
            throw self.error(error, at: spot, of: type)
        }
        // A type without members asks for nothing, and knows no key.
        if containers == before, let node = spot.node, case .table = node.value { _ = open(node) }
        return value
    }

    private func simpleValue<Value: Decodable>(_ type: Value.Type, at spot: SettingsSpot) throws -> Any? {
        switch type {
        case is String.Type: return try text(spot, "a text").text
        case is Bool.Type: return try scalar(spot).bool()
        case is Double.Type: return try number(spot)
        case is Float.Type:
            let number = Float(try number(spot))
            guard number.isFinite else { throw try scalar(spot).wrong("a number") }
            return number
        case is Duration.Type: return try scalar(spot).duration(from: .zero)
        case is ByteCount.Type: return ByteCount(try scalar(spot).bytes(in: 0...Int.max))
        case is URL.Type:
            let (text, node) = try text(spot, "a URL")
            guard let url = URL(string: text) else { throw node.wrong("a URL") }
            return url
        case is SettingsNode.Type:
            guard let node = spot.node else { throw missing(spot) }
            containers += 1
            return node
        case let type as any FixedWidthInteger.Type: return try integer(type, at: spot)
        default: return nil
        }
    }

    private func number(_ spot: SettingsSpot) throws -> Double {
        try scalar(spot).number(in: -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude)
    }

    private func text(_ spot: SettingsSpot, _ expected: String) throws -> (text: String, node: SettingsNode) {
        let node = try scalar(spot)
        guard case .text(let text, _) = node.value else { throw node.wrong(expected) }
        return (text, node)
    }

    private func integer<Integer: FixedWidthInteger>(_: Integer.Type, at spot: SettingsSpot) throws -> Integer {
        let isWide = Integer.isSigned && Integer.bitWidth >= Int.bitWidth
        let expected = isWide ? "a whole number" : "a whole number from \(Integer.min) to \(Integer.max)"
        let node = try scalar(spot)
        guard case .text(let text, isQuoted: false) = node.value, let number = Integer(text) else {
            throw node.wrong(expected)
        }
        return number
    }

    /// Whether something is said at a spot, or holds by default.
    func isSaid(_ spot: SettingsSpot) -> Bool {
        if spot.isInFile || isInEnvironment(spot) { return true }
        guard let defaults = spot.defaults else { return false }
        let mirror = Mirror(reflecting: defaults)
        return mirror.displayStyle != .optional || !mirror.children.isEmpty
    }

    /// A piece that is no table and no list.
    private func scalar(_ spot: SettingsSpot) throws -> SettingsNode {
        if let node = try environmentNode(spot) { return node }
        guard let node = spot.node else { throw missing(spot) }
        return node
    }

    // MARK: The environment

    /// Whether the file says something at a spot, or the environment may say something there or below.
    func isMentioned(_ spot: SettingsSpot) -> Bool {
        isSaid(spot) || !mentions(of: spot).isEmpty
    }

    private func mentions(of spot: SettingsSpot) -> [String] {
        spot.names.map { environment.mentions(of: $0, among: credentials) } ?? []
    }

    private func isInEnvironment(_ spot: SettingsSpot) -> Bool {
        guard let names = spot.names, let name = environment.variable(for: names) else { return false }
        if environment.text(of: name) != nil || environment.text(of: name + "_FILE") != nil { return true }
        guard let path = environment.credential(for: names) else { return false }
        return FileManager.default.fileExists(atPath: path)
    }

    /// What the environment says for a spot.
    func environmentNode(_ spot: SettingsSpot) throws -> SettingsNode? {
        guard let names = spot.names, let name = environment.variable(for: names) else { return nil }
        let fileName = name + "_FILE"
        let path = environment.text(of: fileName)
        if let node = try variableNode(spot) {
            if path != nil {
                throw SettingsError(
                    "it is set, and so is \(fileName); one of them says the value",
                    path: spot.path,
                    in: name
                )
            }
            return node
        }
        if let path {
            try claim(fileName, for: spot)
            guard let text = try content(of: path, spot, in: fileName) else {
                throw SettingsError("the file that it names is not there", path: spot.path, in: fileName)
            }
            return node(text, spot, in: fileName, isSecret: true)
        }
        guard let path = environment.credential(for: names), let text = try content(of: path, spot, in: path) else {
            return nil
        }
        try claim(path, for: spot)
        return node(text, spot, in: path, isSecret: true)
    }

    /// What a variable says by itself for a spot.
    func variableNode(_ spot: SettingsSpot) throws -> SettingsNode? {
        guard let names = spot.names, let name = environment.variable(for: names), let text = environment.text(of: name)
        else { return nil }
        try claim(name, for: spot)
        return node(text, spot, in: name, isSecret: false)
    }

    /// The text of a file of a secret. Neither it nor the file's path are in an error.
    private func content(of path: String, _ spot: SettingsSpot, in source: String) throws -> String? {
        do throws(SettingsError) {
            guard let text = try FileContents.textIfPresent(of: path) else { return nil }
            return text.hasSuffix("\n") || text.hasSuffix("\r\n") ? String(text.dropLast()) : text
        } catch {
            throw SettingsError("the file of the value: \(error.message)", path: spot.path, in: source)
        }
    }

    private func node(_ text: String, _ spot: SettingsSpot, in source: String, isSecret: Bool) -> SettingsNode {
        environmentReads += 1
        var node = SettingsNode(
            value: text.isEmpty ? .nothing : .text(text, isQuoted: false),
            place: .init(line: 1, column: 1),
            keys: spot.node?.keys ?? .key(spot.codingPath.last?.stringValue ?? "", in: spot.parent?.keys ?? .root)
        )
        node.source = source
        node.isLoose = true
        node.isSecret = isSecret
        return node
    }

    /// Two keys whose variables have one name would both get the value that is meant for one of them.
    private func claim(_ variable: String, for spot: SettingsSpot) throws {
        guard let other = paths.updateValue(spot.path, forKey: variable), other != spot.path else { return }
        throw SettingsError("it may be meant for \(other) and for \(spot.path): say it in the file", in: variable)
    }

    // MARK: Keys

    /// Says that a type reads a table.
    func open(_ node: SettingsNode) -> Int {
        containers += 1
        if let index = tableIndices[node.keys] { return index }
        tables.append(Table(node))
        tableIndices[node.keys] = tables.count - 1
        return tables.count - 1
    }

    /// Says that a type reads something else than a table.
    func openOther() { containers += 1 }

    /// Says that a type asks for a key.
    func ask(for key: String, in table: Int) { tables[table].ask(for: key) }

    /// Says that a type takes all keys there are.
    func takeAllKeys(of table: Int) { tables[table].isOpen = true }

    /// Finds keys that nothing asked for, and what the environment says in vain.
    func finish() throws {
        for table in tables where !table.isOpen {
            guard let stranger = strangers(in: table.node, table.known).first else { continue }
            let what = table.node.keys == .root ? "the file" : "the section"
            throw table.node.unknown(stranger, what, known: table.known.map(KeySpelling.snake))
        }
        for (mentions, error) in attempts where mentions.contains(where: { paths[$0] == nil }) { throw error }
    }

    private func strangers(in node: SettingsNode, _ known: [String]) -> [SettingsNode.Member] {
        guard case .table(let members) = node.value else { return [] }
        let names = Set(known.map(KeySpelling.folded))
        return members.filter { !names.contains(KeySpelling.folded($0.key)) }
    }

    // MARK: Errors

    func place(of spot: SettingsSpot) -> SettingsError.Place? { (spot.node ?? spot.parent)?.place }

    /// An error about a key that is not there.
    func missing(_ spot: SettingsSpot) -> SettingsError {
        let key = spot.codingPath.last.map { KeySpelling.snake($0.stringValue) } ?? spot.path
        var message = "the key \(key) is missing"
        var place = place(of: spot)
        if let names = spot.names, !environment.variables.isEmpty, let name = environment.variable(for: names) {
            message += ", and so is the variable \(name)"
        }
        if let parent = spot.parent, let table = tableIndices[parent.keys] {
            let strangers = strangers(in: parent, tables[table].known)
            if let meant = KeySpelling.nearest(to: key, among: strangers.map(\.key)) {
                message += "; is \(meant) meant for it?"
                place = strangers.first { $0.key == meant }?.place
            }
        }
        return SettingsError(message, path: spot.parent?.path ?? "", at: place)
    }

    /// What another error says about the value at a spot.
    func error<Value>(_ error: any Error, at spot: SettingsSpot, of type: Value.Type) -> SettingsError {
        let said = (try? environmentNode(spot)) ?? spot.node
        let node =
            said
            ?? SettingsNode(
                value: .nothing,
                place: place(of: spot) ?? .init(line: 1, column: 1),
                keys: .key(spot.codingPath.last?.stringValue ?? "", in: spot.parent?.keys ?? .root)
            )
        if let cases = Self.cases(of: type) { return node.wrong("one of \(cases.joined(separator: ", "))") }
        var text =
            switch error {
            case DecodingError.dataCorrupted(let context), DecodingError.typeMismatch(_, let context),
                DecodingError.valueNotFound(_, let context), DecodingError.keyNotFound(_, let context):
                context.debugDescription
            case let error as MessagingError: error.message
            default: "\(error)"
            }
        if case .text(let value, _) = node.value, !value.isEmpty {
            // It may be a secret, or a URL with one.
            let shown = node.mayBeSecret ? "…" : SettingsError.quoting(value)
            text = text.replacing(value, with: shown)
        }
        return node.error(text)
    }

    /// The texts that an enumeration knows.
    private static func cases<Value>(of type: Value.Type) -> [String]? {
        func texts<Choice: CaseIterable & RawRepresentable>(_: Choice.Type) -> [String] {
            Choice.allCases.map { "\($0.rawValue)" }
        }
        guard let type = type as? any (CaseIterable & RawRepresentable).Type else { return nil }
        return texts(type)
    }
}
