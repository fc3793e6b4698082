import Martlet

/// The text of a state in its file.
enum StateText {
    static func bytes(of value: some Encodable) throws -> [UInt8] {
        try JSONCodec().encode(value) + [UInt8(ascii: "\n")]
    }

    /// The value of a text. Members that are missing are those of another value, but only where the type can't do without: a
    /// dictionary has all that it had.
    static func value<Value: Codable>(of bytes: [UInt8], default other: Value) throws -> Value {
        do {
            return try JSONCodec().decode(Value.self, from: bytes)
        } catch {
            guard case .object(let members)? = try? JSON(parsing: bytes),
                case .object(let others) = try JSON(encoding: other),
                others.keys.contains(where: { members[$0] == nil }),
                let value = try? JSON.object(others.merging(members) { $1 }).value(as: Value.self)
            else { throw error }
            return value
        }
    }
}
