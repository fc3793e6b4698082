import Martlet
import MartletSettings

/// A state that another program wrote, in YAML.
enum ForeignState {
    /// The value of a file.
    ///
    /// - Returns: `nil` if there is none.
    /// - Throws: `SettingsError`.
    static func value<Value: Codable>(of path: String, default other: Value) throws -> Value? {
        guard let file = try SettingsFile.first(of: [.path(path, .yaml)], environment: .none) else { return nil }
        let node = try SettingsDecoder(environment: .none).decode(SettingsNode.self, from: file)
        if Value.self == JSON.self { return JSON(node) as? Value }
        do throws(SettingsError) {
            return try SettingsDecoder(environment: .none).decode(from: node, variables: nil, defaults: other)
        } catch {
            throw error.from(path)
        }
    }
}

extension JSON {
    /// What stands in a file of YAML.
    fileprivate init(_ node: SettingsNode) {
        switch node.value {
        case .nothing: self = .null
        case .list(let elements): self = .array(elements.map(JSON.init))
        case .table(let members):
            self = .object(Dictionary(members.map { ($0.key, JSON($0.node)) }) { first, _ in first })
        case .text(let text, isQuoted: true): self = .string(text)
        case .text(let text, isQuoted: false):
            if let flag = try? node.bool() {
                self = .boolean(flag)
            } else if let number = Int64(text) {
                self = .integer(number)
            } else if let number = Double(text), number.isFinite {
                self = .number(number)
            } else {
                self = .string(text)
            }
        }
    }
}
