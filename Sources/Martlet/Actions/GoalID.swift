/// Tells one goal from every other: 32 hexadecimal digits by default, any text of up to 256 bytes from others.
///
/// It is compared byte by byte.
public struct GoalID: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// The bound on IDs from outside: a server remembers thousands of them.
    static let maximumBytes = 256

    /// The ID as it is on the wire.
    public let text: String

    /// An ID that another process made.
    public init(_ text: String) {
        self.text = text
    }

    /// Whether two IDs are the same byte by byte.
    public static func == (a: GoalID, b: GoalID) -> Bool { a.text.hasSameBytes(as: b.text) }

    /// Hashes the bytes.
    public func hash(into hasher: inout Hasher) { hasher.combine(ByteKey(text)) }

    /// An ID of a literal.
    public init(stringLiteral text: String) {
        self.init(text)
    }

    /// A new ID: 128 random bits.
    public static func random() -> GoalID { random(from: .system) }

    static func random(from source: RandomSource) -> GoalID {
        let halves = [source.next(for: .goal), source.next(for: .goal)]
        return GoalID(
            halves.map { half in
                let digits = String(half, radix: 16)
                return String(repeating: "0", count: 16 - digits.count) + digits
            }.joined()
        )
    }

    /// The ID as it is on the wire.
    public var description: String { text }

    /// Throws ``MessagingError/Code/invalidArgument`` for an ID that is empty or too long to be remembered.
    func validate() throws {
        guard !text.isEmpty, text.utf8.count <= Self.maximumBytes else {
            throw MessagingError(
                .invalidArgument,
                "a goal ID has \(text.utf8.count) bytes; it must have from 1 to \(Self.maximumBytes)"
            )
        }
    }
}
