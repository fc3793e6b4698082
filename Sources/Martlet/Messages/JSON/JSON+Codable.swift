#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension JSON: Codable {
    /// Reads any value.
    public init(from decoder: any Decoder) throws {
        switch decoder {
        case let decoder as DocumentDecoder:
            self = try decoder.document.json(at: decoder.node) { decoder.path }
        case let decoder as PlainTextDecoder:
            self = try decoder.json()
        default:
            self = try JSON(asking: decoder)
        }
    }

    /// Of a decoder that does not say what it has.
    private init(asking decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .boolean(value)
        } else if let value = try? container.decode(Int64.self) {
            self = .integer(value)
        } else if let value = try? container.decode(UInt64.self) {
            self = .natural(value)
        } else if let value = try? container.decode(Double.self) {
            self = JSON(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSON].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSON].self))
        }
    }

    /// Writes the value, its members in the order of their keys.
    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .array(let elements):
            var container = encoder.unkeyedContainer()
            for element in elements { try element.write(into: &container) }
        case .object(let members):
            var container = encoder.container(keyedBy: NameKey.self)
            for (key, member) in members.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
                try member.write(into: &container, for: NameKey(stringValue: key))
            }
        default:
            var container = encoder.singleValueContainer()
            switch self {
            case .boolean(let value): try container.encode(value)
            case .integer(let value): try container.encode(value)
            case .natural(let value): try container.encode(value)
            case .number(let value): try container.encode(value)
            case .string(let value): try container.encode(value)
            case .null, .array, .object: try container.encodeNil()
            }
        }
    }

    // What is no array and no object is written without an encoder of its own, which would count as one level more.

    private func write(into container: inout any UnkeyedEncodingContainer) throws {
        switch self {
        case .null: try container.encodeNil()
        case .boolean(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .natural(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array, .object: try container.encode(self)
        }
    }

    private func write(into container: inout KeyedEncodingContainer<NameKey>, for key: NameKey) throws {
        switch self {
        case .null: try container.encodeNil(forKey: key)
        case .boolean(let value): try container.encode(value, forKey: key)
        case .integer(let value): try container.encode(value, forKey: key)
        case .natural(let value): try container.encode(value, forKey: key)
        case .number(let value): try container.encode(value, forKey: key)
        case .string(let value): try container.encode(value, forKey: key)
        case .array, .object: try container.encode(self, forKey: key)
        }
    }
}

extension Document {
    /// The value at a node, whatever it is. A document is no deeper than its scanner allows.
    func json(at node: Int, path: () -> CodingPath) throws -> JSON {
        switch kind(of: node) {
        case .null: return .null
        case .false: return .boolean(false)
        case .true: return .boolean(true)
        case .integerText, .signed, .unsigned, .numberText, .float, .wordText:
            // A zero may have a sign, which only a `Double` has.
            if let number = integer(at: node, as: Int64.self) {
                return number == 0 && double(at: node)?.sign == .minus ? .number(-0.0) : .integer(number)
            }
            if let number = integer(at: node, as: UInt64.self) { return .natural(number) }
            guard let number = double(at: node) else { throw error(at: node, as: Double.self, path: path()) }
            return .number(number)
        case .string, .escapedString:
            guard let text = string(at: node) else { throw error(at: node, as: String.self, path: path()) }
            return .string(text)
        case .array:
            var elements: [JSON] = []
            elements.reserveCapacity(Int(self[node].count))
            var element = node + 1
            for position in 0..<Int(self[node].count) {
                elements.append(try json(at: element) { .position(position, in: path()) })
                element = next(after: element)
            }
            return .array(elements)
        case .object:
            prepare(object: node)
            var members: [String: JSON] = [:]
            members.reserveCapacity(Int(self[node].count))
            for key in keys(of: node) {
                guard let member = value(of: key, in: node) else { continue }
                members[key] = try json(at: member) { .key(NameKey(stringValue: key), in: path()) }
            }
            return .object(members)
        case .binary:
            return .string(Base64.text(binary(at: node) ?? []))
        case .timestamp:
            return JSON(try value(Date.self, at: node, path: path).timeIntervalSince1970)
        case .extension:
            throw corrupted("It has an extension, for which JSON has no form.", path: path())
        }
    }
}
