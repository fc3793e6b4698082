/// What happens to each message: a pure function of a seed, what is done with the message, and how many of its kind
/// came before it.
///
/// So two runs of one seed treat the same messages alike as long as they do the same things in the same order; what
/// is sent does not disturb what happens to what is received.
public struct FaultPlan: Sendable, Hashable {
    /// What is done with a message.
    public enum Operation: UInt64, Sendable, Hashable, CaseIterable {
        /// It is published.
        case publish = 1
        /// It is sent to a queue.
        case send
        /// It is sent to a reply address.
        case reply
        /// It arrives at a subscription.
        case delivery
        /// It arrives at this connection's reply address.
        case incomingReply
    }

    /// What becomes of a message.
    public enum Fate: Sendable, Hashable {
        /// It arrives.
        case pass
        /// It arrives twice.
        case duplicate
        /// It arrives after up to so many others.
        case overtaken(by: Int)
        /// It does not arrive.
        case drop
    }

    /// What happens to one message.
    public struct Decision: Sendable, Hashable {
        /// For how long the link is lost just before.
        public let outage: Duration?
        /// For how long the link is silent before it is lost.
        public let silence: Duration?
        /// By how much it is late.
        public let delay: Duration?
        /// What becomes of it.
        public let fate: Fate
    }

    /// What the decisions follow from.
    public let seed: UInt64
    /// How often what goes wrong.
    public let faults: Faults

    /// The plan of a seed.
    public init(seed: UInt64, faults: Faults) {
        self.seed = seed
        self.faults = faults
    }

    /// What happens to a message.
    ///
    /// - Parameters:
    ///   - operation: what is done with the message.
    ///   - number: how many messages of that operation came before it.
    public func decision(for operation: Operation, _ number: UInt64) -> Decision {
        var mixer = SplitMix64(seed: seed)
        var generator = SplitMix64(seed: mixer.next() ^ (operation.rawValue << 56) ^ number)
        let isCut = Double.random(in: 0..<1, using: &generator) < faults.cut
        let outage = faults.maximumOutage * Double.random(in: 0..<1, using: &generator)
        let isLate = Double.random(in: 0..<1, using: &generator) < faults.delay
        let delay = faults.maximumDelay * Double.random(in: 0..<1, using: &generator)
        let draw = Double.random(in: 0..<1, using: &generator)
        let others = Int.random(in: 1...3, using: &generator)
        let fate: Fate =
            switch draw {
            case ..<faults.drop: .drop
            case ..<(faults.drop + faults.duplicate): .duplicate
            case ..<(faults.drop + faults.duplicate + faults.reorder): .overtaken(by: others)
            default: .pass
            }
        // Drawn last, so that what a seed decides of the rest stays what it was.
        let isSilent = Double.random(in: 0..<1, using: &generator) < faults.halfOpen
        let silence = faults.maximumOutage * Double.random(in: 0..<1, using: &generator)
        return Decision(
            outage: isCut || isSilent ? outage : nil,
            silence: isSilent ? silence : nil,
            delay: isLate ? delay : nil,
            fate: fate
        )
    }
}
