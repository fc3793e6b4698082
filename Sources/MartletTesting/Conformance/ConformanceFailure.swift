/// A promise that a connection did not keep.
public struct ConformanceFailure: Error, Sendable, CustomStringConvertible {
    /// The check that found it.
    public let check: String
    /// What was promised.
    public let expected: String
    /// What happened instead.
    public let actual: String

    /// A failure of a check.
    public init(check: String, expected: String, actual: String) {
        self.check = check
        self.expected = expected
        self.actual = actual
    }

    /// All three in one line.
    public var description: String { "\(check): expected \(expected), but \(actual)" }
}
