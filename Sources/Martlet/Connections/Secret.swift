/// A text that is not to be shown: a password, a token.
///
/// It is read like any text, and printed, dumped and encoded as `***`, whatever holds it. Errors do not quote it. Take its
/// ``value`` to use it.
public struct Secret: Sendable, Hashable {
    /// The text itself.
    public let value: String

    /// A secret of a text.
    public init(_ value: String) {
        self.value = value
    }

    /// What is shown in its place.
    package static let mask = "***"
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// `***`
    public var description: String { Self.mask }
    /// `***`
    public var debugDescription: String { Self.mask }
    /// What `dump` shows: nothing of the text.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension Secret: Codable {
    /// Reads a text.
    public init(from decoder: any Decoder) throws {
        value = try decoder.singleValueContainer().decode(String.self)
    }

    /// Writes `***`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension Secret: ExpressibleByStringLiteral {
    /// A secret of a text, for tests.
    public init(stringLiteral value: String) { self.init(value) }
}
