/// How many messages a route passes on a second.
public struct RateLimit: Sendable, Hashable {
    /// What becomes of the others.
    public enum Excess: Sendable, Hashable {
        /// They wait their turn, and their source is held back.
        case wait
        /// They are dropped, and counted.
        case drop
    }

    /// How many pass a second, over time; at least a millionth.
    public var perSecond: Double
    /// How many pass at once after a pause.
    public var burst: Int
    /// What becomes of the others.
    public var excess: Excess

    /// - Parameters:
    ///   - burst: how many pass at once after a pause; by default one.
    ///   - excess: by default the others wait.
    public init(perSecond: Double, burst: Int = 1, excess: Excess = .wait) {
        self.perSecond = perSecond
        self.burst = burst
        self.excess = excess
    }
}
