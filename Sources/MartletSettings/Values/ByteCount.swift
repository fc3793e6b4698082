import Martlet

/// A size, written as `512KiB`, `64MiB`, `10MB`, or as a number of bytes.
public struct ByteCount: Hashable, Sendable {
    /// How many bytes: from 0.
    public var bytes: Int

    /// A size in bytes; what is below 0 counts as 0.
    public init(_ bytes: Int) { self.bytes = max(0, bytes) }
}

extension ByteCount: Comparable {
    /// Whether one is less.
    public static func < (one: ByteCount, other: ByteCount) -> Bool { one.bytes < other.bytes }
}

extension ByteCount: ExpressibleByIntegerLiteral, CustomStringConvertible {
    /// A size in bytes.
    public init(integerLiteral bytes: Int) { self.init(bytes) }

    /// As it would be written.
    public var description: String { SizeText.text(bytes) }
}

extension ByteCount: Codable {
    /// Reads a text such as `64MiB`, or a number of bytes.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let bytes = try? container.decode(Int.self), bytes >= 0 {
            self.init(bytes)
            return
        }
        let text = try container.decode(String.self)
        guard let bytes = SizeText.bytes(text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "It is \(quoted(text)), where a size such as 512KiB or 64MiB is expected."
            )
        }
        self.init(bytes)
    }

    /// Writes the text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
