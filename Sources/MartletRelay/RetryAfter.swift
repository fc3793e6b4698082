/// What a ``Sink`` or a ``Source`` throws that has been told when to come again.
public struct RetryAfter: Error, Sendable {
    /// How long to wait at least.
    public let delay: Duration
    /// What was wrong.
    public let reason: any Error

    /// A failure that passes, and the time that this takes.
    public init(_ delay: Duration, _ reason: any Error) {
        self.delay = delay
        self.reason = reason
    }
}

extension RetryAfter: CustomStringConvertible {
    /// What was wrong.
    public var description: String { "\(reason)" }
}
