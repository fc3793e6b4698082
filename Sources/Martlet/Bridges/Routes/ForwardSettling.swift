import DequeModule

/// Waits for the sink's word on each message, in order, and acknowledges it at its source; tries again those that the
/// sink has not taken.
struct ForwardSettling: Sendable {
    private let context: RouteContext
    private let memory: ForwardMemory
    private let output: ForwardOutput
    private let burial: ForwardBurial
    private let retries: ForwardRetries

    init(
        _ direction: ForwardDirection,
        _ context: RouteContext,
        _ memory: ForwardMemory,
        _ output: ForwardOutput,
        _ burial: ForwardBurial
    ) {
        self.context = context
        self.memory = memory
        self.output = output
        self.burial = burial
        retries = ForwardRetries(
            backoff: direction.options.retry,
            expiry: direction.options.expiry,
            guarantee: output.guarantee,
            random: context.source.runtime.random
        )
    }

    /// Settles the messages of a window, until no more come.
    func settle(_ window: ForwardWindow) async throws {
        // Nothing makes room in the window any more, so that the reading task is not to wait for it.
        defer { window.discard() }
        var batch: Deque<ForwardEntry> = []
        /// When the sink last took a message that it had not taken before.
        var recovery: Duration?
        while true {
            try await window.next(into: &batch)
            if batch.isEmpty { return }
            while let entry = batch.popFirst() {
                if entry.isRepeated {
                    try await settleRepeated(entry)
                    continue
                }
                do {
                    try await entry.confirmation.wait()
                } catch {
                    // Messages that were under way with one that has been taken by now failed with it, and need not
                    // wait.
                    let isDue = recovery.map { entry.begun <= $0 } ?? false
                    if try await tryAgain(entry, after: error, isDue: isDue) { recovery = context.timers.now }
                    continue
                }
                arrived(entry)
            }
        }
    }

    /// The first of the same message has been settled by now, for they are settled in order.
    private func settleRepeated(_ entry: ForwardEntry) async throws {
        if let id = entry.id, case .new = memory.begin(id) {
            // That one was not passed on, so that this one takes its place.
            var entry = entry
            entry.isRepeated = false
            memory.passes(&entry)
            do {
                try await output.begin(entry).wait()
                arrived(entry)
            } catch {
                try await tryAgain(entry, after: error)
            }
            return
        }
        context.recorder.update { statistics in
            statistics.duplicates += 1
            statistics.inFlight -= 1
        }
        try? entry.delivery.ack()
    }

    /// The sink has it. If it can't be acknowledged, because the link over which it came was lost, it comes again.
    func arrived(_ entry: ForwardEntry) {
        memory.arrived(entry)
        try? entry.delivery.ack()
        let lag = context.timers.now - entry.begun
        context.recorder.update { statistics in
            statistics.forwarded += 1
            statistics.inFlight -= 1
            statistics.lag = lag
        }
    }

    /// Tries a message again that the sink has not taken, as long as that makes sense; then it is buried.
    ///
    /// - Parameter isDue: whether the first time is at once.
    /// - Returns: whether the sink has taken it.
    @discardableResult
    func tryAgain(_ entry: ForwardEntry, after error: any Error, isDue: Bool = false) async throws -> Bool {
        var entry = entry
        var error = error
        while true {
            try Task.checkCancellation()
            switch retries.decision(after: error, attempts: entry.attempts, age: context.timers.now - entry.begun) {
            case .end:
                throw error
            case .bury:
                try await burial.bury(entry, error)
                return false
            case .tryAgain(let delay):
                // One that has expired, or is about to, holds up none behind it.
                let life: Duration?
                do {
                    life = try output.life(of: entry)
                } catch let end {
                    try await burial.bury(entry, end)
                    return false
                }
                context.warn("a message could not be passed on and is tried again", error)
                context.recorder.update { $0.retried += 1 }
                if !isDue || entry.attempts > 1 { try await context.timers.sleep(for: min(delay, life ?? delay)) }
            }
            entry.attempts += 1
            do {
                try await output.begin(entry).wait()
                arrived(entry)
                return true
            } catch let other {
                error = other
            }
        }
    }
}

/// Decides whether a message that the sink has not taken is tried again. A pure value, but for its jitter.
struct ForwardRetries: Sendable {
    enum Decision: Hashable {
        case tryAgain(after: Duration)
        /// It can't be passed on.
        case bury
        /// Nothing can be passed on any more.
        case end
    }

    let backoff: Backoff
    let expiry: Duration?
    /// How surely the sink has a message that it has confirmed.
    let guarantee: Guarantee
    var random = RandomSource.system

    /// - Parameters:
    ///   - attempts: how often it has been tried.
    ///   - age: how long ago it came.
    func decision(after error: any Error, attempts: Int, age: Duration) -> Decision {
        guard let error = error as? MessagingError else { return .bury }
        if error.code == .connectionClosed { return .end }
        guard error.isRetriable else { return .bury }
        if let expiry, age >= expiry { return .bury }
        // It may have arrived, and is to arrive at most once.
        if error.code == .connectionLost, guarantee == .atMostOnce { return .bury }
        return random.delay(of: backoff, before: attempts - 1).map { .tryAgain(after: $0) } ?? .bury
    }
}
