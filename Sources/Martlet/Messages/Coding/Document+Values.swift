#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension Document {
    /// The value at a node: of Foundation's types as documents have them, of the common arrays at once, of any other
    /// as the type itself decodes it.
    func value<Value: Decodable>(_ type: Value.Type, at node: Int, path: () -> CodingPath) throws -> Value {
        let special: Any? =
            switch kind(of: node) {
            case .object, .null: nil
            case .array: try array(type, at: node, path: path)
            default: try foundationValue(type, at: node, path: path)
            }
        if let special, let value = special as? Value { return value }
        return try Value(from: DocumentDecoder(document: self, node: node, path: path(), type: type))
    }

    private func array(_ type: Any.Type, at node: Int, path: () -> CodingPath) throws -> Any? {
        if type == [Double].self { return try elements(of: node, path: path) { double(at: $0) } }
        if type == [Int].self { return try elements(of: node, path: path) { integer(at: $0, as: Int.self) } }
        if type == [String].self { return try elements(of: node, path: path) { string(at: $0) } }
        if type == [Float].self { return try elements(of: node, path: path) { float(at: $0) as Float? } }
        if type == [UInt8].self { return try elements(of: node, path: path) { integer(at: $0, as: UInt8.self) } }
        return nil
    }

    private func elements<Element>(
        of array: Int,
        path: () -> CodingPath,
        read: (Int) -> Element?
    ) throws -> [Element] {
        let count = Int(self[array].count)
        var elements: [Element] = []
        elements.reserveCapacity(count)
        var node = array + 1
        for position in 0..<count {
            guard let element = read(node) else {
                throw error(at: node, as: Element.self, path: .position(position, in: path()))
            }
            elements.append(element)
            node = next(after: node)
        }
        return elements
    }

    /// Seconds since 1970, base64, the text of a URL, and the number of a decimal.
    private func foundationValue(_ type: Any.Type, at node: Int, path: () -> CodingPath) throws -> Any? {
        if type == Date.self {
            guard let date = date(at: node) else { throw error(at: node, as: Double.self, path: path()) }
            return date
        }
        if type == Data.self {
            if let bytes = binary(at: node) { return Data(bytes) }
            guard let text = string(at: node) else { throw error(at: node, as: String.self, path: path()) }
            guard let bytes = Base64.bytes(text) else { throw corrupted("It is no base64.", path: path()) }
            return Data(bytes)
        }
        if type == [UInt8].self { return binary(at: node) }
        if type == URL.self {
            guard let text = string(at: node) else { throw error(at: node, as: String.self, path: path()) }
            guard let url = URL(string: text) else { throw corrupted("It is no URL.", path: path()) }
            return url
        }
        if type == Decimal.self {
            guard let decimal = decimal(at: node) else { throw error(at: node, as: type, path: path()) }
            return decimal
        }
        return nil
    }
}
