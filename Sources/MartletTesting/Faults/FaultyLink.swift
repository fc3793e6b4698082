import Martlet
import Synchronization

/// What a ``FaultyConnection`` does to messages, and everything that it keeps running for it.
final class FaultyLink: Sendable {
    private struct State {
        var counts: [FaultPlan.Operation: UInt64] = [:]
        var statistics = FaultStatistics()
        var isDetached = false
        var isCut = false
        /// Gives the link back; ended by `detach()`.
        var restoration: Task<Void, Never>?
        /// Carry deliveries to their readers; each ends with its subscription, all in `endPumps()`.
        var pumps: [UInt64: Task<Void, Never>] = [:]
        var lastPump: UInt64 = 0
    }

    let plan: FaultPlan
    let link: LinkSwitch?
    let runtime: ConnectionRuntime
    let held: HeldBack
    /// What goes out, and what comes in; `nil`: at any rate.
    private let outgoing: Line?
    private let incoming: Line?
    /// Whether the link is silent: lost, and not known to be.
    private let silence = Watched(false)
    /// Deliveries that were settled meanwhile: the broker has not heard of it.
    private let unheard = Mutex<[Settlement]>([])
    private let state = Mutex(State())

    init(plan: FaultPlan, link: LinkSwitch?, runtime: ConnectionRuntime) {
        self.plan = plan
        self.link = link
        self.runtime = runtime
        held = HeldBack(timers: runtime.timers)
        let line = { plan.faults.bandwidth.map { Line(bandwidth: $0, timers: runtime.timers) } }
        (outgoing, incoming) = (line(), line())
    }

    var statistics: FaultStatistics { state.withLock { $0.statistics } }

    /// What happens to the next message of an operation; `nil` once there are no faults any more.
    func decide(_ operation: FaultPlan.Operation) -> FaultPlan.Decision? {
        state.withLock { state in
            guard !state.isDetached else { return nil }
            let number = state.counts[operation, default: 0]
            state.counts[operation] = number + 1
            state.statistics.messages += 1
            let decision = plan.decision(for: operation, number)
            // A reply is taken at once or held back; it can't be waited with.
            if decision.delay != nil, operation != .incomingReply { state.statistics.delayed += 1 }
            return decision
        }
    }

    func count(_ counter: any WritableKeyPath<FaultStatistics, Int> & Sendable) {
        state.withLock { $0.statistics[keyPath: counter] += 1 }
    }

    // MARK: Going out

    /// Sends a message, or does to it what the plan says.
    ///
    /// - Parameter isAnswered: whether the sender is to hear what came of it at once; then it waits itself while
    ///   others overtake it.
    func transmit(
        _ message: Message,
        _ operation: FaultPlan.Operation,
        _ guarantee: Guarantee,
        isAnswered: Bool,
        _ forward: @escaping @Sendable () async throws -> Void
    ) async throws {
        try Task.checkCancellation()
        guard let decision = decide(operation) else { return try await forward() }
        if let outage = decision.outage { try await lose(after: decision.silence, for: outage) }
        if let delay = decision.delay { try await runtime.timers.sleep(for: delay) }
        try await outgoing?.carry(message)
        if isSilent {
            guard guarantee != .atMostOnce || isAnswered else { return count(\.dropped) }
            // The broker's word does not come; then the link is found lost.
            try await untilHeard()
            return try await forward()
        }
        // Without a link there is nothing to go wrong on: the connection itself says what becomes of it.
        guard runtime.states.state == .connected else { return try await forward() }
        switch decision.fate {
        case .drop where guarantee == .atMostOnce:
            count(\.dropped)
        case .duplicate where guarantee != .exactlyOnce:
            count(\.duplicated)
            try await forward()
            try? await forward()
        case .overtaken(let others) where guarantee == .atMostOnce && !isAnswered:
            count(\.reordered)
            if held.hold(others: others, atMost: plan.faults.maximumDelay, forward) { return }
            try await forward()
        case .overtaken(let others):
            count(\.reordered)
            try await runtime.timers.sleep(for: plan.faults.maximumDelay * others / 3)
            try await forward()
        case .pass, .drop, .duplicate:
            try await forward()
        }
        held.passed()
    }

    // MARK: The link

    /// Whether nothing comes over the link, though nobody can tell.
    var isSilent: Bool { silence.value }

    /// Returns when the link is not silent.
    func untilHeard() async throws { _ = try await silence.wait { !$0 } }

    /// A delivery is settled on a silent link.
    func keepUnheard(_ settlement: Settlement) { unheard.withLock { $0.append(settlement) } }

    /// - Parameter silence: how long nothing comes over the link before it is found lost; `nil`: it is found lost at once.
    private func lose(after silence: Duration?, for outage: Duration) async throws {
        guard let link else { return }
        let isFirst = state.withLock { state in
            guard !state.isCut, !state.isDetached else { return false }
            state.isCut = true
            state.statistics.cuts += 1
            if silence != nil { state.statistics.silences += 1 }
            return true
        }
        guard isFirst else { return }
        if silence == nil { try await link.cut() } else { self.silence.update { $0 = true } }
        state.withLock { state in
            state.restoration = Task { [self] in
                if let silence {
                    try? await runtime.timers.sleep(for: silence)
                    try? await link.cut()
                    // Given back to a link that is lost, they do nothing.
                    _ = unheard.withLock { unheard in
                        defer { unheard = [] }
                        return unheard
                    }
                    self.silence.update { $0 = false }
                }
                // Cancelled or not, the link comes back.
                try? await runtime.timers.sleep(for: outage)
                try? await link.restore()
                self.state.withLock { state in
                    state.isCut = false
                    state.restoration = nil
                }
            }
        }
    }

    // MARK: Coming in

    /// Waits until a message that comes in has passed, on a slow link.
    func receive(_ message: Message) async throws { try await incoming?.carry(message) }

    /// When a reply has passed, which can't be waited with; `nil`: now.
    func arrival(of reply: Message) -> Duration? { incoming?.take(reply) }

    /// Carries deliveries from one subscription to another.
    func carry(from source: Subscription, to mailbox: Mailbox<Delivery>, losesMessages: Bool) -> Subscription {
        let pump = DeliveryPump(link: self, mailbox: mailbox, losesMessages: losesMessages)
        let task = state.withLock { state in
            state.lastPump += 1
            let id = state.lastPump
            let task = Task { [weak self] in
                await pump.run(from: source)
                self?.state.withLock { _ = $0.pumps.removeValue(forKey: id) }
            }
            state.pumps[id] = task
            return task
        }
        return Subscription(mailbox) { (ending: Subscription.Ending) in
            if ending == .unsubscribed { source.unsubscribe() } else { source.finish() }
            task.cancel()
            if ending != .dropped { mailbox.finish() }
        }
    }

    // MARK: The end

    /// Lets everything pass from now on; returns when what was held back has left and the link is back.
    func detach() async {
        state.withLock { $0.isDetached = true }
        let restoration = state.withLock { $0.restoration }
        restoration?.cancel()
        await restoration?.value
        await held.flush()
    }

    /// Ends what carries deliveries; what had arrived can still be read.
    func endPumps() async {
        let pumps = state.withLock { $0.pumps.sorted { $0.key < $1.key }.map(\.value) }
        for pump in pumps { pump.cancel() }
        for pump in pumps { await pump.value }
    }
}
