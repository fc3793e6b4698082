/// One word of a command: its name, a key, a value.
///
/// Literals of text and numbers are arguments as they are; bytes, and what is in a variable, are wrapped.
public struct RedisArgument: Sendable, Hashable {
    /// As it is sent.
    public let bytes: [UInt8]

    /// Bytes.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Text, in UTF-8.
    public init(_ text: some StringProtocol) { bytes = Array(text.utf8) }

    /// A whole number.
    public init(_ number: some BinaryInteger) { bytes = Array(String(number).utf8) }

    /// A number, as short as it can be written without loss.
    public init(_ number: Double) { bytes = Array(String(number).utf8) }
}

extension RedisArgument: ExpressibleByStringLiteral, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral
{
    /// The text of a literal.
    public init(stringLiteral text: String) { self.init(text) }
    /// The number of a literal.
    public init(integerLiteral number: Int) { self.init(number) }
    /// The number of a literal.
    public init(floatLiteral number: Double) { self.init(number) }
}
