/// What becomes of a subscriber whose handler throws.
public enum HandlerErrorPolicy: Sendable, Hashable {
    /// The error is counted and logged (once a minute at most), and the next message is handled.
    case skip
    /// The component fails, and its ``FailurePolicy`` decides.
    case fail
}
