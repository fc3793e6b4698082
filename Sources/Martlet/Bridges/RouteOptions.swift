/// How a route passes messages on.
public struct RouteOptions: Sendable, Hashable {
    /// How surely messages have to arrive. A guarantee that the two sides can't give is an error when the bridge
    /// starts. `nil`: as surely as both sides can.
    public var guarantee: Guarantee?
    /// Whether the source's broker keeps what is published for the route also while the bridge does not run, and until
    /// the sink has it. Needs ``Capabilities/durableSubscriptions`` and a bridge with a name, by which it finds the
    /// kept messages when it runs again. If the bridge never runs again they have to be deleted at the broker.
    public var isDurable: Bool
    /// How many messages may be under way to the sink unconfirmed. Then the source waits.
    public var window: Int
    /// What happens when the sink is slower than a topic's publishers. A queue's messages wait in the queue.
    public var overflow: Overflow
    /// How often and after how long a message is tried again that the sink did not take for now.
    public var retry: Backoff
    /// Where messages go that can't be passed on. `nil`: they are logged, counted and dropped, and those of a queue
    /// rejected, so that they go where its broker has them go.
    public var deadLetters: DeadLetters?
    /// How retained messages are treated.
    public var retain: RetainPolicy
    /// After how long a message is worthless to the sink. `nil`: never.
    public var expiry: Duration?
    /// How many messages pass a second; `nil`: any number.
    public var rate: RateLimit?
    /// Which messages of a topic are taken.
    public var sampling: Sampling
    /// Whether a message is passed on whose body its topic had last time.
    public var changes: ChangeFilter
    /// How many IDs of messages that arrived are remembered, so that none is passed on twice; 0: none. Messages without
    /// an ID are always passed on.
    public var deduplication: Int
    /// Where messages are kept on disk until the sink has them; `nil`: they stay at their source meanwhile.
    public var store: StoreOptions?
    /// Whether the route may be part of a circle of topics, which is then cut at run time: no message passes the bridge
    /// twice.
    public var allowsLoop: Bool

    /// The best guarantee, 256 messages under way, nothing dropped, tried again for ever, unless told.
    public init(
        guarantee: Guarantee? = nil,
        isDurable: Bool = false,
        window: Int = 256,
        overflow: Overflow = .suspend,
        retry: Backoff = Backoff(),
        deadLetters: DeadLetters? = nil,
        retain: RetainPolicy = .kept,
        expiry: Duration? = nil,
        rate: RateLimit? = nil,
        sampling: Sampling = .all,
        changes: ChangeFilter = .none,
        deduplication: Int = 0,
        store: StoreOptions? = nil,
        allowsLoop: Bool = false
    ) {
        self.guarantee = guarantee
        self.isDurable = isDurable
        self.window = window
        self.overflow = overflow
        self.retry = retry
        self.deadLetters = deadLetters
        self.retain = retain
        self.expiry = expiry
        self.rate = rate
        self.sampling = sampling
        self.changes = changes
        self.deduplication = deduplication
        self.store = store
        self.allowsLoop = allowsLoop
    }

    func validate(for route: String) throws {
        func check(_ isValid: Bool, _ name: String, _ value: Any, _ rule: String) throws {
            guard !isValid else { return }
            throw MessagingError(.invalidArgument, "the \(name) of route \(route) is \(value); it must be \(rule)")
        }
        try check((1...65_535).contains(window), "window", window, "from 1 to 65,535")
        try check((0...10_000_000).contains(deduplication), "deduplication window", deduplication, "at most 10,000,000")
        if let expiry { try check(expiry > .zero, "expiry", expiry, "positive") }
        if let rate {
            try check(
                rate.perSecond.isFinite && rate.perSecond >= 0.000_001,
                "rate",
                rate.perSecond,
                "at least 0.000001 a second"
            )
            try check(rate.burst >= 1, "rate's burst", rate.burst, "at least 1")
        }
        switch sampling {
        case .all: break
        case .every(let number): try check(number >= 1, "sampling", number, "at least 1")
        case .interval(let interval): try check(interval > .zero, "sampling interval", interval, "positive")
        }
        try deadLetters?.queue.validate()
        try store?.validate(for: route)
    }
}

/// What a topic route does about retained messages.
public enum RetainPolicy: Sendable, Hashable {
    /// The messages that the source's broker keeps are passed on when the route begins, and kept by the sink's broker
    /// if it can. So are those that are published later to be kept, and deletions of kept ones, where the source's
    /// broker tells (``Capabilities/retainAsPublished``). Where it does not, messages that are published later are
    /// passed on as they come, and an empty message as the deletion of a kept one, which it nearly always is.
    case kept
    /// Everything is passed on as a message to be kept, so that the sink's broker has the latest of each topic.
    case all
    /// Kept messages are not asked for, and nothing is kept.
    case none
}

/// Where a route puts messages that it could not pass on.
///
/// A dead letter is the message as it came, with headers that say why: ``Headers/Standard/deathReason`` (code and
/// text), ``Headers/Standard/deathTopic``, ``Headers/Standard/deathDeliveries`` (the attempts),
/// ``Headers/Standard/deathFirstTime``, ``Headers/Standard/deathLastTime`` and ``Headers/Standard/deathBridge``.
public struct DeadLetters: Sendable, Hashable {
    /// The queue that they go to.
    public var queue: QueueName
    /// The side of the bridge that the queue is on. By default that from which the message came.
    public var side: BridgeSide?

    /// - Parameters:
    ///   - queue: the queue that dead letters are sent to.
    ///   - side: the side of the bridge that the queue is on; `nil`: that from which the message came.
    public init(to queue: QueueName, on side: BridgeSide? = nil) {
        self.queue = queue
        self.side = side
    }
}

extension DeadLetters: ExpressibleByStringLiteral {
    /// A queue on the side from which the message came.
    public init(stringLiteral text: String) {
        self.init(to: QueueName(text))
    }
}
