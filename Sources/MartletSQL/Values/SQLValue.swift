/// A value as databases have it: what is bound to a statement, and what stands in a column.
///
/// | Swift | written as |
/// |---|---|
/// | `Bool` | a truth value; on SQLite 0 or 1 |
/// | integers | an integer of 64 bits |
/// | `Double`, `Float` | a double |
/// | `String` | text |
/// | `Data`, `[UInt8]` | bytes |
/// | `Date` | text: `2026-03-01 09:30:00.250000+00:00`, to the microsecond |
/// | `UUID` | text, in capitals as `uuidString` has it |
/// | `Decimal` | text, with all its digits |
/// | an optional without a value | null |
/// | an enumeration with raw values, a type with a single value | that value |
/// | any other `Encodable` | the text of its JSON |
public enum SQLValue: Sendable, Hashable {
    /// No value.
    case null
    /// A truth value.
    case bool(Bool)
    /// An integer.
    case integer(Int64)
    /// A floating-point number.
    case double(Double)
    /// Text, and whatever a database writes as text: times, decimals, JSON.
    case text(String)
    /// Bytes.
    case bytes([UInt8])
}

extension SQLValue {
    /// A value of Swift's as databases have it.
    ///
    /// - Throws: ``SQLError/Code/encodingFailed``: an integer of more than 64 bits with its sign, a date before the year 1 or
    ///   after 9999, or what the value throws.
    public init<Value: Encodable>(encoding value: Value) throws(SQLError) {
        self = try ValueEncoder.value(of: value)
    }

    /// What kind of value it is, for errors.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a truth value"
        case .integer: "an integer"
        case .double: "a double"
        case .text: "text"
        case .bytes: "bytes"
        }
    }
}
