extension Document {
    /// Why a value could not be read as what was asked for. It has no word of the content.
    func error(at node: Int, as type: Any.Type, path: CodingPath) -> DecodingError {
        switch kind(of: node) {
        case .null:
            return .valueNotFound(type, context("Expected \(type) but found null.", path))
        case .integerText, .numberText, .signed, .unsigned, .float:
            guard Self.isNumber(type) else { break }
            return .dataCorrupted(context("The number is not exactly a \(type), or too large for it.", path))
        case .wordText:
            guard Self.isNumber(type) else { break }
            return .dataCorrupted(context("\(type) has no \(text(of: node)).", path))
        case .string, .escapedString:
            guard type == String.self else { break }
            return .dataCorrupted(context("The string has half of a surrogate pair.", path))
        default:
            break
        }
        return .typeMismatch(type, context("Expected \(type) but found \(description(of: node)).", path))
    }

    /// What a value is that has the right kind and the wrong content.
    func corrupted(_ reason: String, path: CodingPath) -> DecodingError {
        .dataCorrupted(context(reason, path))
    }

    private func context(_ reason: String, _ path: CodingPath) -> DecodingError.Context {
        DecodingError.Context(codingPath: path.keys, debugDescription: reason)
    }

    private static func isNumber(_ type: Any.Type) -> Bool {
        type is any Numeric.Type
    }

    private func description(of node: Int) -> String {
        switch kind(of: node) {
        case .null: "null"
        case .true, .false: "a truth value"
        case .integerText, .numberText, .wordText, .signed, .unsigned, .float: "a number"
        case .string, .escapedString: "a string"
        case .array: "an array"
        case .object: "an object"
        case .binary: "bytes"
        case .timestamp: "a time"
        case .extension: "an extension"
        }
    }
}
