/// What the body of a timed loop wants of its next tick.
public enum Tick: Sendable, Hashable {
    /// It runs again at the next tick.
    case again
    /// The loop ends.
    case stop
}
