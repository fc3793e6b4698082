/// A type of messages that has a value for each member, so that a document need not have them all.
///
/// ```swift
/// struct Move: Codable, Defaulted {
///     var target = 0
///     var speed = 1.5
/// }
/// ```
///
/// ``JSONCodec``, ``MessagePackCodec`` and ``PlainText`` take what a document lacks from `Move()`: of `{"target": 5}` the speed
/// is 1.5, and `{}` is `Move()`. That holds for each member, at any depth, whose own type is such a one; a member that is there
/// counts, also if it is `null`. Peers whose messages have defaults, as those of commlib-py, may leave out what they don't set.
///
/// The type has to be `Encodable`, too: the defaults are what `Move()` encodes. They cost something only where a member is
/// missing.
public protocol Defaulted {
    /// The value of which the members are the defaults.
    init()
}

extension Document {
    /// What a type encodes that has all its defaults; `nil` if it has none.
    func defaults(of type: any Decodable.Type) throws -> Document? {
        guard !isOfDefaults else { return nil }
        let key = ObjectIdentifier(type)
        if let known = defaults[key] { return known }
        let made = try Self.makeDefaults(of: type, userInfo)
        made?.isOfDefaults = true
        defaults.updateValue(made, forKey: key)
        return made
    }

    private static func makeDefaults(
        of type: any Decodable.Type,
        _ userInfo: [CodingUserInfoKey: any Sendable]
    ) throws -> Document? {
        guard let type = type as? any Defaulted.Type, let value = type.init() as? any Encodable else { return nil }
        // Only MessagePack has all numbers that a `Double` may be, only JSON those of more than 64 bits.
        if let packed = try? MessagePackCodec(userInfo: userInfo).encode(value) {
            return try Document(packed, format: .messagePack, userInfo: userInfo)
        }
        return try Document(JSONCodec(userInfo: userInfo).encode(value), format: .json, userInfo: userInfo)
    }
}
