/// The value of a header.
///
/// Brokers differ in what a header may hold: MQTT 5 has strings only, AMQP has types. The typed accessors of
/// ``Headers`` therefore read an integer from its text as well.
public enum HeaderValue: Sendable, Hashable {
    /// Text.
    case string(String)
    /// A whole number.
    case integer(Int64)
    /// A number.
    case double(Double)
    /// True or false.
    case boolean(Bool)
    /// Bytes that are not text.
    case bytes([UInt8])

    /// The text; `nil` for bytes, and the usual notation for everything else.
    public var string: String? {
        switch self {
        case .string(let value): value
        case .integer(let value): String(value)
        case .double(let value): String(value)
        case .boolean(let value): value ? "true" : "false"
        case .bytes: nil
        }
    }

    /// The whole number, also if it is written as text; `nil` for everything else.
    public var integer: Int64? {
        switch self {
        case .integer(let value): value
        case .string(let value): Int64(value)
        case .double(let value): Int64(exactly: value)
        case .boolean, .bytes: nil
        }
    }
}

extension HeaderValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral
{
    /// A text header.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A whole-number header.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// A number header.
    public init(floatLiteral value: Double) { self = .double(value) }
    /// A true-or-false header.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
}

extension HeaderValue: CustomStringConvertible {
    /// The value as text; of bytes only how many there are.
    public var description: String {
        if case .bytes(let bytes) = self { return "\(bytes.count) bytes" }
        return string ?? ""
    }
}
