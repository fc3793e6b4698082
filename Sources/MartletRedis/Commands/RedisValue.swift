/// What the server answers.
public enum RedisValue: Sendable, Hashable {
    /// Nothing: a key that does not exist, a time limit that has passed.
    case null
    /// A whole number.
    case integer(Int64)
    /// A word of the server's own, such as `OK`.
    case status(String)
    /// Bytes, which may be text.
    case bytes([UInt8])
    /// Several answers.
    case array([RedisValue])
    /// An error inside an array: what one command of several came to.
    case error(RedisError)
}

extension RedisValue {
    /// The bytes, also those of a status; `nil` for anything else.
    public var bytes: [UInt8]? {
        switch self {
        case .bytes(let bytes): bytes
        case .status(let text): Array(text.utf8)
        default: nil
        }
    }

    /// The text: of bytes that are UTF-8, of a status, or of a number; `nil` for anything else.
    public var string: String? {
        switch self {
        case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
        case .status(let text): text
        case .integer(let number): String(number)
        default: nil
        }
    }

    /// The number, also one that is written as text; `nil` for anything else.
    public var integer: Int? {
        switch self {
        case .integer(let number): Int(exactly: number)
        case .bytes(let bytes): String(validating: bytes, as: UTF8.self).flatMap { Int($0) }
        default: nil
        }
    }

    /// The answers of an array; `nil` for anything else.
    public var array: [RedisValue]? {
        if case .array(let values) = self { values } else { nil }
    }

    /// The error; `nil` for anything else.
    public var error: RedisError? {
        if case .error(let error) = self { error } else { nil }
    }
}

extension RedisValue: CustomStringConvertible {
    /// Its kind and size: values may be secrets and do not belong in logs.
    public var description: String {
        switch self {
        case .null: "null"
        case .integer: "an integer"
        case .status: "a status"
        case .bytes(let bytes): "\(bytes.count) bytes"
        case .array(let values): "an array of \(values.count)"
        case .error(let error): "the error \(error.prefix)"
        }
    }
}
