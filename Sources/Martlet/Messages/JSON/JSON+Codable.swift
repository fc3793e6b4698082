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

    /// Writes the value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .boolean(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .natural(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
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
            if let number = integer(at: node, as: Int64.self), number != 0 || double(at: node)?.sign != .minus {
                return .integer(number)
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
