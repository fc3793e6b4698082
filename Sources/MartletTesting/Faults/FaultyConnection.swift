public import Martlet

/// A connection on a bad link: it wraps another one, and drops, repeats, reorders and delays what passes, and cuts
/// and restores the link, as a seed says. A link may also go silent for a while before it is found lost, or be slow.
///
/// ```swift
/// try await withFaultyConnection(wrapping: connection, seed: 7, faults: Faults(delay: 0.1, drop: 0.05)) { faulty in
///     try await faulty.call(add, Pair(a: 1, b: 2))
/// }
/// ```
///
/// A run that failed is replayed by its seed: what happens to a message follows from the seed and from how many like
/// it came before; see ``FaultPlan``. Which message that is depends on the order in which tasks run. So a program with one
/// task is replayed exactly, and one with many only in distribution, unless it runs in a world of `MartletSimulation`:
/// there the order of tasks follows from the seed too, and every program is replayed exactly.
///
/// Faults stay within what a link may do: a message with a guarantee is not lost, one that is to arrive exactly once
/// does not arrive twice, and a delivery from a queue that is dropped goes back to the queue. What is held back is
/// released in the end. Verbs that set something up (`subscribe`, `consume`) work as they would without faults. It
/// measures its times by the connection's clock.
///
/// It shares the state and the calls of the connection that it wraps: use one of the two.
public actor FaultyConnection: CuttableConnection {
    /// What the patterns keep for the connection: that of the one it wraps.
    public nonisolated let runtime: ConnectionRuntime
    /// What the connection that it wraps is capable of.
    public nonisolated let capabilities: Capabilities
    private let connection: any Connection
    private let link: FaultyLink

    /// Wraps a connection.
    ///
    /// - Parameters:
    ///   - connection: the connection whose messages suffer the faults.
    ///   - seed: what the faults are drawn by: the same seed draws the same.
    ///   - faults: how likely each fault is.
    ///   - link: how the link is cut; needed for ``Faults/cut`` and ``Faults/halfOpen`` unless the connection is a
    ///     ``CuttableConnection``.
    /// - Throws: `MessagingError.Code.invalidArgument` for probabilities that are none, and for cuts of a link that
    ///   can't be cut.
    public init(wrapping connection: any Connection, seed: UInt64, faults: Faults, link: LinkSwitch? = nil) throws {
        try faults.validate()
        let link = link ?? Self.link(of: connection)
        if faults.cut > 0 || faults.halfOpen > 0, link == nil { throw Self.notCuttable(connection) }
        self.connection = connection
        runtime = connection.runtime
        capabilities = connection.capabilities
        self.link = FaultyLink(
            plan: FaultPlan(seed: seed, faults: faults),
            link: link,
            runtime: connection.runtime
        )
    }

    private static func notCuttable(_ connection: any Connection) -> MessagingError {
        MessagingError(
            .invalidArgument,
            "the link of a \(type(of: connection)) can't be cut: make it a CuttableConnection, or pass a LinkSwitch"
        )
    }

    private static func link(of connection: any Connection) -> LinkSwitch? {
        guard let connection = connection as? any CuttableConnection, connection.isCuttable else { return nil }
        return LinkSwitch {
            try await connection.cut()
        } restore: {
            try await connection.restore()
        }
    }

    /// What it has done so far.
    public nonisolated var faultStatistics: FaultStatistics { link.statistics }

    /// What its decisions follow from.
    public nonisolated var plan: FaultPlan { link.plan }

    // MARK: The verbs

    /// Publishes a message, unless the plan says otherwise; see `Connection/publish(_:to:options:)`.
    public nonisolated func publish(_ message: Message, to topic: TopicName, options: PublishOptions) async throws {
        try topic.validate()
        try runtime.checkSize(of: message)
        try await link.transmit(message, .publish, options.guarantee, isAnswered: options.retain) { [connection] in
            try await connection.publish(message, to: topic, options: options)
        }
    }

    /// Subscribes to topics; see `Connection/subscribe(to:options:)`.
    public func subscribe(to pattern: TopicPattern, options: SubscribeOptions) async throws -> Subscription {
        var suspending = options
        // What is to be dropped is dropped where it can be counted: in the mailbox that is read.
        suspending.overflow = .suspend
        let source = try await connection.subscribe(to: pattern, options: suspending)
        let mailbox = Mailbox<Delivery>(limit: options.limit, overflow: options.overflow)
        return link.carry(from: source, to: mailbox, losesMessages: options.guarantee == .atMostOnce)
    }

    /// Sends a message to a queue, unless the plan says otherwise; see `Connection/send(_:to:options:)`.
    public nonisolated func send(_ message: Message, to queue: QueueName, options: SendOptions) async throws {
        try queue.validate()
        try runtime.checkSize(of: message)
        let isAnswered = options.requiresConsumer
        try await link.transmit(message, .send, options.guarantee, isAnswered: isAnswered) { [connection] in
            try await connection.send(message, to: queue, options: options)
        }
    }

    /// Consumes a queue; see `Connection/consume(from:options:)`.
    public func consume(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        try await carry(connection.consume(from: queue, options: options), options)
    }

    /// Consumes a queue of requests; see `Connection/consumeRequests(from:options:)`.
    public func consumeRequests(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        try await carry(connection.consumeRequests(from: queue, options: options), options)
    }

    private func carry(_ source: Subscription, _ options: ConsumeOptions) -> Subscription {
        link.carry(from: source, to: Mailbox<Delivery>(limit: options.prefetch), losesMessages: false)
    }

    /// Deletes a queue; see `Connection/deleteQueue(_:)`.
    public func deleteQueue(_ queue: QueueName) async throws {
        try await connection.deleteQueue(queue)
    }

    /// Opens the reply address; what comes to it suffers what the plan says. See
    /// `Connection/openReplyAddress(_:)`.
    public func openReplyAddress(
        _ receive: @escaping @Sendable (_ reply: Message, _ address: String) -> Void
    ) async throws -> ReplyAddress {
        let link = link
        let late = HeldOne<(Message, String)>(timers: runtime.timers) { receive($0.0, $0.1) }
        let pass: @Sendable (FaultPlan.Fate, Message, String) -> Void = { fate, reply, address in
            switch link.isSilent ? .drop : fate {
            case .drop:
                link.count(\.dropped)
            case .duplicate:
                link.count(\.duplicated)
                receive(reply, address)
                receive(reply, address)
            case .overtaken(let others):
                link.count(\.reordered)
                if late.hold((reply, address), others: others, atMost: link.plan.faults.maximumDelay) { return }
                receive(reply, address)
            case .pass:
                receive(reply, address)
            }
            late.passed()
        }
        return try await connection.openReplyAddress { [runtime] reply, address in
            guard let decision = link.decide(.incomingReply) else { return pass(.pass, reply, address) }
            guard let arrival = link.arrival(of: reply) else { return pass(decision.fate, reply, address) }
            _ = runtime.timers.schedule(at: arrival) { pass(decision.fate, reply, address) }
        }
    }

    /// Sends a message to a reply address, unless the plan says otherwise; see `Connection/reply(_:to:)`.
    public nonisolated func reply(_ message: Message, to address: String) async throws {
        try runtime.checkSize(of: message)
        try await link.transmit(message, .reply, .atMostOnce, isAnswered: false) { [connection] in
            try await connection.reply(message, to: address)
        }
    }

    /// Releases what was held back, and closes the connection that it wraps.
    public func close() async {
        await link.detach()
        await connection.close()
        await link.endPumps()
    }

    // MARK: Its end without the connection's

    /// Sends on what was held back; returns when all of it has left.
    public func flush() async {
        await link.held.flush()
    }

    /// Ends the faults: releases what was held back, gives a lost link back, and lets everything pass from now on.
    /// The connection that it wraps stays open.
    public func endFaults() async {
        await link.detach()
    }

    // MARK: The link

    /// Whether its link can be cut.
    public nonisolated var isCuttable: Bool { link.link != nil }

    /// Takes the link away, whatever the plan says.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if it can't be cut.
    public nonisolated func cut() async throws {
        guard let link = link.link else { throw Self.notCuttable(connection) }
        try await link.cut()
    }

    /// Gives the link back.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if it can't be cut.
    public nonisolated func restore() async throws {
        guard let link = link.link else { throw Self.notCuttable(connection) }
        try await link.restore()
    }
}
