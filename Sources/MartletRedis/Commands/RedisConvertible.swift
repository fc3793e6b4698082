import Martlet

/// What a reply of the server can be read as.
public protocol RedisConvertible: Sendable {
    /// Reads a reply.
    ///
    /// - Throws: `MessagingError.Code.decodingFailed` if it is something else, `MessagingError.Code.refused` with a
    ///   ``RedisError`` as its cause if it is an error.
    init(_ value: RedisValue) throws
}

extension RedisValue: RedisConvertible {
    /// The reply itself, unless it is an error.
    public init(_ value: RedisValue) throws {
        if let error = value.error { throw error.asMessagingError("the command") }
        self = value
    }
}

extension RedisValue {
    /// What `extract` makes of the reply.
    fileprivate func read<Value>(as type: Value.Type, _ extract: (RedisValue) -> Value?) throws -> Value {
        if let error { throw error.asMessagingError("the command") }
        guard let value = extract(self) else {
            throw MessagingError(.decodingFailed, "the server answered \(self), which is no \(Value.self)")
        }
        return value
    }
}

extension String: RedisConvertible {
    /// Text: bytes in UTF-8, a status, or a number's digits.
    public init(_ value: RedisValue) throws { self = try value.read(as: String.self, \.string) }
}

extension Int: RedisConvertible {
    /// A whole number, also one that is written as text.
    public init(_ value: RedisValue) throws { self = try value.read(as: Int.self, \.integer) }
}

extension Double: RedisConvertible {
    /// A number, also one that is written as text.
    public init(_ value: RedisValue) throws {
        self = try value.read(as: Double.self) { $0.string.flatMap { Double($0) } }
    }
}

extension Bool: RedisConvertible {
    /// 1 and `OK` are true, 0 is false, and so is nothing: the answer to a `SET` whose condition did not hold.
    public init(_ value: RedisValue) throws {
        self = try value.read(as: Bool.self) { value in
            switch value {
            case .null: false
            case .status("OK"): true
            default: value.integer.flatMap { [0: false, 1: true][$0] }
            }
        }
    }
}

extension UInt8: RedisConvertible {
    /// A small number; it is here so that bytes can be asked for, as `[UInt8]`.
    public init(_ value: RedisValue) throws {
        self = try value.read(as: UInt8.self) { $0.integer.flatMap { UInt8(exactly: $0) } }
    }
}

extension Array: RedisConvertible where Element: RedisConvertible {
    /// The replies of an array; for `[UInt8]` bytes as they are.
    public init(_ value: RedisValue) throws {
        if let bytes = value.bytes as? [Element] {
            self = bytes
        } else {
            self = try value.read(as: [RedisValue].self, \.array).map { try Element($0) }
        }
    }
}

extension Optional: RedisConvertible where Wrapped: RedisConvertible {
    /// Nothing, or something.
    public init(_ value: RedisValue) throws {
        self = value == .null ? nil : try Wrapped(value)
    }
}

extension Dictionary: RedisConvertible where Key == String, Value: RedisConvertible {
    /// Names and values by turns, as `HGETALL` answers.
    public init(_ value: RedisValue) throws {
        let parts = try value.read(as: [RedisValue].self, \.array)
        guard parts.count.isMultiple(of: 2) else {
            throw MessagingError(.decodingFailed, "the server answered \(parts.count) values, which are no pairs")
        }
        self.init(minimumCapacity: parts.count / 2)
        for index in stride(from: 0, to: parts.count, by: 2) {
            self[try String(parts[index])] = try Value(parts[index + 1])
        }
    }
}
