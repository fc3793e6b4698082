/// A value of a table: of headers, or of a declaration's arguments. It has every type that RabbitMQ and librabbitmq know.
public enum AMQPValue: Sendable, Hashable {
    /// True or false (`t`).
    case boolean(Bool)
    /// A signed number of 8 bits (`b`).
    case int8(Int8)
    /// An unsigned number of 8 bits (`B`).
    case uint8(UInt8)
    /// A signed number of 16 bits (`s`).
    case int16(Int16)
    /// An unsigned number of 16 bits (`u`).
    case uint16(UInt16)
    /// A signed number of 32 bits (`I`).
    case int32(Int32)
    /// An unsigned number of 32 bits (`i`).
    case uint32(UInt32)
    /// A signed number of 64 bits (`l`).
    case int64(Int64)
    /// An unsigned number of 64 bits (`L`). RabbitMQ reads it as a signed one, and so do a message's `Headers`.
    case uint64(UInt64)
    /// A number of 32 bits with a fraction (`f`). RabbitMQ takes none that is infinite or no number: they are sent as text.
    case float(Float)
    /// A number of 64 bits with a fraction (`d`); infinite, or no number, as ``float(_:)``.
    case double(Double)
    /// A decimal number (`D`): the value is divided by ten as often as `scale` says.
    case decimal(scale: UInt8, value: UInt32)
    /// Text in UTF-8 (`S`).
    case string(String)
    /// Bytes (`x`), or a "text" (`S`) that is not UTF-8.
    case bytes([UInt8])
    /// A time in seconds since 1970 (`T`). commlib-py puts nanoseconds there.
    case timestamp(UInt64)
    /// Values in order (`A`).
    case array([AMQPValue])
    /// A table within (`F`).
    case table(AMQPTable)
    /// Nothing (`V`).
    case void

    /// How deep tables and arrays may be within each other. Deeper ones are refused, in either direction.
    static let maximumDepth = 64

    /// How many tables and arrays are within each other here, looking no further than the limit.
    func isDeeper(than limit: Int) -> Bool {
        switch self {
        case .array(let values): limit <= 0 || values.contains { $0.isDeeper(than: limit - 1) }
        case .table(let table): limit <= 0 || table.contains { $0.value.isDeeper(than: limit - 1) }
        default: false
        }
    }
}

extension AMQPValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral
{
    /// Text.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A signed number of 64 bits.
    public init(integerLiteral value: Int64) { self = .int64(value) }
    /// A number of 64 bits with a fraction.
    public init(floatLiteral value: Double) { self = .double(value) }
    /// True or false.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
}
