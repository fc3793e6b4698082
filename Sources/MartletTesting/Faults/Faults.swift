import Martlet

/// How often what goes wrong on a link. Probabilities are from 0 to 1, for each message that passes.
public struct Faults: Sendable, Hashable {
    /// How often a message is late. Those behind it, of the same task, wait with it.
    public var delay: Double
    /// How often a message arrives twice. One that is guaranteed to arrive exactly once does not.
    public var duplicate: Double
    /// How often a message is overtaken by up to three others.
    public var reorder: Double
    /// How often a message is lost. One with a guarantee is not; a delivery from a queue goes back to it.
    public var drop: Double
    /// How often the link is lost, when a message is sent.
    public var cut: Double
    /// How often, when a message is sent, the link goes silent before it is lost: until then what is sent over it does not
    /// arrive, nor what comes, and the word of a settlement is lost, though nobody can tell.
    public var halfOpen: Double
    /// The longest time by which a message is late, overtaken ones included.
    public var maximumDelay: Duration
    /// The longest time for which the link is lost; and for which one is silent before that.
    public var maximumOutage: Duration
    /// How many bytes a second the link carries in either direction: bodies, and the names of headers. Who sends waits until
    /// the message has passed, as behind a full socket; who receives gets it then. `nil`: any number.
    public var bandwidth: Int?

    /// No faults, unless told; at most 3 ms late and 10 ms without a link; any bandwidth.
    public init(
        delay: Double = 0,
        duplicate: Double = 0,
        reorder: Double = 0,
        drop: Double = 0,
        cut: Double = 0,
        halfOpen: Double = 0,
        maximumDelay: Duration = .milliseconds(3),
        maximumOutage: Duration = .milliseconds(10),
        bandwidth: Int? = nil
    ) {
        self.delay = delay
        self.duplicate = duplicate
        self.reorder = reorder
        self.drop = drop
        self.cut = cut
        self.halfOpen = halfOpen
        self.maximumDelay = maximumDelay
        self.maximumOutage = maximumOutage
        self.bandwidth = bandwidth
    }

    /// Faults of some kinds, each as likely; a lost or silent link a tenth of that. ``FaultKinds/bandwidth`` is 100 kB a second.
    public init(_ kinds: FaultKinds, probability: Double) {
        self.init(
            delay: kinds.contains(.delay) ? probability : 0,
            duplicate: kinds.contains(.duplicate) ? probability : 0,
            reorder: kinds.contains(.reorder) ? probability : 0,
            drop: kinds.contains(.drop) ? probability : 0,
            cut: kinds.contains(.cut) ? probability / 10 : 0,
            halfOpen: kinds.contains(.halfOpen) ? probability / 10 : 0,
            bandwidth: kinds.contains(.bandwidth) ? 100_000 : nil
        )
    }

    /// Which kinds can happen.
    public var kinds: FaultKinds {
        var kinds: FaultKinds = []
        if delay > 0 { kinds.insert(.delay) }
        if duplicate > 0 { kinds.insert(.duplicate) }
        if reorder > 0 { kinds.insert(.reorder) }
        if drop > 0 { kinds.insert(.drop) }
        if cut > 0 { kinds.insert(.cut) }
        if halfOpen > 0 { kinds.insert(.halfOpen) }
        if bandwidth != nil { kinds.insert(.bandwidth) }
        return kinds
    }

    /// The faults without those of some kinds.
    package func without(_ kinds: FaultKinds) -> Faults {
        var faults = self
        if kinds.contains(.delay) { faults.delay = 0 }
        if kinds.contains(.duplicate) { faults.duplicate = 0 }
        if kinds.contains(.reorder) { faults.reorder = 0 }
        if kinds.contains(.drop) { faults.drop = 0 }
        if kinds.contains(.cut) { faults.cut = 0 }
        if kinds.contains(.halfOpen) { faults.halfOpen = 0 }
        if kinds.contains(.bandwidth) { faults.bandwidth = nil }
        return faults
    }

    func validate() throws {
        let alone = [("delay", delay), ("cut", cut), ("halfOpen", halfOpen)]
        for (name, value) in alone where !(0...1).contains(value) {
            throw MessagingError(.invalidArgument, "the probability of \(name) is \(value); it must be from 0 to 1")
        }
        let fates = [duplicate, reorder, drop]
        guard fates.allSatisfy({ (0...1).contains($0) }), fates.reduce(0, +) <= 1 else {
            throw MessagingError(
                .invalidArgument,
                "the probabilities of duplicate, reorder and drop are \(fates); together they must be from 0 to 1"
            )
        }
        guard maximumDelay >= .zero, maximumOutage >= .zero else {
            throw MessagingError(.invalidArgument, "a fault's longest time is negative")
        }
        if let bandwidth, bandwidth < 1 {
            throw MessagingError(
                .invalidArgument,
                "the bandwidth is \(bandwidth) bytes a second; it must be at least 1"
            )
        }
    }
}
