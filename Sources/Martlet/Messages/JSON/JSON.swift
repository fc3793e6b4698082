/// A JSON value of any kind, for what has no type of its own: `Topic<JSON>("t")` is a topic of whatever comes.
///
/// ```swift
/// let reading: JSON = ["sensor": "north", "values": [21.5, 22]]
/// try await connection.publish(reading, to: Topic("readings"))
/// for try await message in try await connection.subscribe(to: Topic<JSON>("readings")) {
///     print(message.value["values", 0]?.double ?? .nan)
/// }
/// ```
///
/// Whole numbers of up to 64 bits are kept exactly, any other number as the nearest `Double`. Numbers that are equal are
/// equal, whatever case they are. Members have no order; they are written in that of their keys. Any codec reads and writes it;
/// what MessagePack has beyond JSON becomes text in base64 (bytes) or a number of seconds (times). Arrays and objects stand in
/// one another 512 deep at most when they are read or written.
public enum JSON: Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case boolean(Bool)
    /// A whole number.
    case integer(Int64)
    /// A whole number that is too large for an ``integer(_:)``.
    case natural(UInt64)
    /// Any other number.
    case number(Double)
    /// Text.
    case string(String)
    /// Values in their order.
    case array([JSON])
    /// Values by their keys.
    case object([String: JSON])

    /// The number as the case that fits it: a whole one is an ``integer(_:)``.
    init(_ number: Double) {
        if let integer = Int64(exactly: number), integer != 0 || number.sign == .plus {
            self = .integer(integer)
        } else {
            self = .number(number)
        }
    }
}

// MARK: Text

extension JSON {
    /// The value of a JSON text in UTF-8.
    ///
    /// - Throws: ``MessagingError/Code/decodingFailed`` if it is none.
    public init(parsing bytes: [UInt8]) throws {
        self = try Codecs().value(of: Message(bytes))
    }

    /// The value of a JSON text.
    ///
    /// - Throws: ``MessagingError/Code/decodingFailed`` if it is none.
    public init(parsing text: String) throws {
        try self.init(parsing: Array(text.utf8))
    }

    /// What a value is as JSON.
    ///
    /// - Throws: ``MessagingError/Code/encodingFailed``.
    public init<Value: Encodable>(encoding value: Value) throws {
        self = try Codecs().value(of: Codecs().message(value))
    }

    /// The value that this is as a type of one's own.
    ///
    /// - Throws: ``MessagingError/Code/decodingFailed``.
    public func value<Value: Decodable>(as _: Value.Type = Value.self) throws -> Value {
        try Codecs().value(of: Codecs().message(self))
    }

    /// The JSON text in UTF-8, on one line. Numbers that are not finite, for which JSON has no notation, are `null`.
    public var bytes: [UInt8] {
        if let bytes = try? JSONCodec().encode(self) { return bytes }
        return (try? JSONCodec().encode(withoutInfinities)) ?? Array("null".utf8)
    }

    private var withoutInfinities: JSON {
        switch self {
        case .number(let number) where !number.isFinite: .null
        case .array(let elements): .array(elements.map(\.withoutInfinities))
        case .object(let members): .object(members.mapValues(\.withoutInfinities))
        default: self
        }
    }
}

extension JSON: CustomStringConvertible {
    /// The JSON text, on one line.
    public var description: String { String(decoding: bytes, as: UTF8.self) }
}

// MARK: Literals

// `nil` is none of them: a member that is `nil` is no member, and `null` is a value.
extension JSON: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByArrayLiteral,
    ExpressibleByDictionaryLiteral
{
    /// `true` or `false`.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
    /// A whole number.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// A number.
    public init(floatLiteral value: Double) { self.init(value) }
    /// Text.
    public init(stringLiteral value: String) { self = .string(value) }
    /// Values in their order.
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    /// Values by their keys. Of a key that occurs twice the last counts.
    public init(dictionaryLiteral members: (String, JSON)...) {
        self = .object(Dictionary(members) { _, last in last })
    }
}

// MARK: Equality

extension JSON: Hashable {
    /// Numbers are equal if they are the same number.
    public static func == (a: JSON, b: JSON) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.boolean(let a), .boolean(let b)): a == b
        case (.string(let a), .string(let b)): a == b
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        default: a.exact.map { $0 == b.exact } ?? false
        }
    }

    /// Equal values have the same hash.
    public func hash(into hasher: inout Hasher) {
        switch self {
        case .null: hasher.combine(0)
        case .boolean(let value): hasher.combine(value)
        case .string(let text): hasher.combine(text)
        case .array(let elements): hasher.combine(elements)
        case .object(let members): hasher.combine(members)
        case .integer, .natural, .number: hasher.combine(exact)
        }
    }

    /// A number, the same whatever case it is.
    private enum Exact: Hashable {
        case whole(Int128)
        case other(Double)
    }

    private var exact: Exact? {
        switch self {
        case .integer(let number): .whole(Int128(number))
        case .natural(let number): .whole(Int128(number))
        case .number(let number): Int128(exactly: number).map(Exact.whole) ?? .other(number)
        default: nil
        }
    }
}
