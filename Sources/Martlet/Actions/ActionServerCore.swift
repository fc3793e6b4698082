import DequeModule

/// An action server's goals: which are taken on, which handlers run, what is remembered. A pure value: time is passed
/// in, and what is to be done is left in ``effects``.
///
/// It does not know what goals and outputs are: it carries them. So it is compiled once, and not anew at each look for every
/// action's types.
struct ActionServerCore {
    enum Effect: Sendable {
        /// Start the goal's handler. Each that is started is reported back once, by `handlerEnded`.
        case start(GoalID, any Sendable, endsAt: Duration?)
        case cancelHandler(GoalID)
        case announce(GoalID, GoalStatus)
        /// The handler ignores its cancellation; somebody should know.
        case reportUnresponsive(GoalID)
    }

    /// What came of a handler.
    enum HandlerResult: Sendable {
        case returned(any Sendable)
        case threwCancellation
        case threw(MessagingError)
    }

    /// How a goal ended, kept for whoever asks.
    struct End: Sendable {
        let status: GoalStatus
        let output: (any Sendable)?
        let error: MessagingError?
        /// Whether somebody asked before the end and has not asked since.
        var isAwaited = false
    }

    enum Answer: Sendable {
        case unknown
        case live(GoalStatus)
        case ended(End)
    }

    enum Phase: Sendable {
        case serving
        /// New goals are rejected; running ones may finish.
        case draining
        /// Everything is cancelled.
        case stopping
    }

    struct LiveGoal {
        var machine = GoalStateMachine()
        let goal: any Sendable
        let beginBy: Duration?
        let deadline: Duration?
        var graceEnds: Duration?
        var lastHeard: Duration
        var isAwaited = false
    }

    let action: QueueName
    let options: ActionOptions
    private(set) var phase = Phase.serving
    /// Goals that have not ended.
    private(set) var live: [GoalID: LiveGoal] = [:]
    /// Goals that wait for their handler's turn.
    private(set) var waiting: Deque<GoalID> = []
    /// Goals whose handlers have not returned, whether or not the goals have ended.
    private(set) var busy: Set<GoalID> = []
    private(set) var ended: GoalMemory<End>
    private var rejected: GoalMemory<MessagingError>
    private var cancelledEarly: GoalMemory<Bool>
    private var newest: GoalID?
    private var lingersUntil: Duration?
    private var isCutOff = false
    /// What is to be done. The shell empties it after each call.
    var effects: [Effect] = []

    init(_ action: QueueName, _ options: ActionOptions) {
        self.action = action
        self.options = options
        ended = GoalMemory(limit: options.keptResults, lifetime: options.resultLifetime)
        rejected = GoalMemory(limit: options.keptResults, lifetime: options.resultLifetime)
        cancelledEarly = GoalMemory(limit: options.keptResults, lifetime: options.resultLifetime)
    }

    // MARK: Requests

    /// A client sends a goal.
    ///
    /// - Parameters:
    ///   - acceptBy, deadline: from now.
    /// - Returns: why it is rejected; `nil` if it is taken on.
    mutating func send(
        _ id: GoalID,
        _ goal: any Sendable,
        acceptBy: Duration? = nil,
        deadline: Duration? = nil,
        now: Duration
    ) -> MessagingError? {
        ended.expire(at: now)
        rejected.expire(at: now)
        cancelledEarly.expire(at: now)
        // A request that arrives twice is answered as it was the first time.
        if live[id] != nil || ended[id] != nil { return nil }
        if let error = rejected[id] { return error }
        if let error = refusal() {
            rejected.insert(error, for: id, now: now)
            return error
        }
        live[id] = LiveGoal(
            goal: goal,
            beginBy: acceptBy.map { now + $0 },
            deadline: deadline.map { now + $0 },
            lastHeard: now
        )
        newest = id
        effects.append(.announce(id, .accepted))
        guard cancelledEarly[id] == nil else {
            apply(.stop(.requested), to: id, now: now)
            return nil
        }
        if options.policy == .preemptLatest {
            for older in waiting + inOrder(busy) { apply(.stop(.preempted), to: older, now: now) }
        }
        waiting.append(id)
        pump(now)
        return nil
    }

    private func refusal() -> MessagingError? {
        guard phase == .serving else {
            return MessagingError(.shuttingDown, "the server of action \(action) is shutting down")
        }
        switch options.policy {
        case .preemptLatest:
            return nil
        case .rejectIfBusy:
            guard let current = busy.first else { return nil }
            return MessagingError(.goalRejected, "action \(action) is busy with goal \(quoted(current.text))")
        case .queue(let limit):
            guard waiting.count >= limit else { return nil }
            return MessagingError(.goalRejected, "\(waiting.count) goals wait for action \(action) already")
        case .parallel(let limit):
            guard busy.count >= limit else { return nil }
            return MessagingError(.goalRejected, "action \(action) is busy with \(busy.count) goals")
        }
    }

    /// A client wants a goal cancelled.
    ///
    /// - Returns: why it can't be; `nil` if it is being cancelled. The cancellation of an unknown goal is remembered:
    ///   it may have overtaken its goal.
    mutating func cancel(_ id: GoalID, now: Duration) -> MessagingError? {
        if live[id] != nil {
            apply(.stop(.requested), to: id, now: now)
            pump(now)
            return nil
        }
        if let end = ended[id] {
            return MessagingError(.unknownGoal, "goal \(quoted(id.text)) has ended: it is \(end.status)")
        }
        cancelledEarly.insert(true, for: id, now: now)
        return MessagingError.unknownGoal(id, of: action)
    }

    /// A client asks how a goal stands, which tells that it lives. An empty ID means the goal that was sent last.
    mutating func ask(_ id: GoalID, now: Duration) -> Answer {
        let id = id.text.isEmpty ? newest ?? id : id
        if let goal = live[id] {
            live[id]?.lastHeard = now
            live[id]?.isAwaited = true
            return .live(goal.machine.status)
        }
        guard let end = ended[id] else { return .unknown }
        ended.update(id) { $0.isAwaited = false }
        return .ended(end)
    }

    // MARK: Handlers

    /// A handler that was started has returned, and its place is free.
    mutating func handlerEnded(_ id: GoalID, _ result: HandlerResult, now: Duration) {
        guard busy.remove(id) != nil else { return }
        switch result {
        case .returned(let output): apply(.returned, to: id, output: output, now: now)
        case .threwCancellation: apply(.threwCancellation, to: id, now: now)
        case .threw(let error): apply(.threw, to: id, error: error, now: now)
        }
        pump(now)
    }

    /// Starts what waits, as far as there is room.
    private mutating func pump(_ now: Duration) {
        while busy.count < options.policy.slots, let id = waiting.popFirst() {
            guard let goal = live[id] else { continue }
            // Its time may be over though nobody has come to say so yet.
            let reason = stopReason(of: goal, at: now)
            apply(reason.map { .stop($0) } ?? .begin, to: id, now: now)
        }
    }

    private mutating func apply(
        _ event: GoalStateMachine.Event,
        to id: GoalID,
        output: (any Sendable)? = nil,
        error: MessagingError? = nil,
        now: Duration
    ) {
        guard let directive = live[id]?.machine.handle(event) else { return }
        switch directive {
        case .ignore:
            break
        case .startHandler:
            guard let goal = live[id] else { break }
            busy.insert(id)
            effects.append(.announce(id, .executing))
            effects.append(.start(id, goal.goal, endsAt: goal.deadline))
        case .cancelHandler:
            live[id]?.graceEnds = now + options.gracePeriod
            effects.append(.announce(id, .canceling))
            effects.append(.cancelHandler(id))
        case .end(let ending):
            guard let goal = live.removeValue(forKey: id) else { break }
            if let place = waiting.firstIndex(of: id) { waiting.remove(at: place) }
            // Kept before it is announced: who hears of the end may ask for the result at once.
            let end = End(
                status: ending.status,
                output: output,
                error: self.error(for: ending, thrown: error),
                isAwaited: goal.isAwaited
            )
            ended.insert(end, for: id, now: now)
            effects.append(.announce(id, ending.status))
            if case .unresponsive = ending { effects.append(.reportUnresponsive(id)) }
        }
    }

    private func error(for ending: GoalStateMachine.Ending, thrown: MessagingError?) -> MessagingError? {
        switch ending {
        case .succeeded: nil
        case .canceled(let reason), .timedOut(let reason): error(for: reason)
        case .failed: thrown
        case .gaveUp: MessagingError(.handlerFailed, "the handler gave up, though nobody had cancelled its goal")
        case .unresponsive:
            MessagingError(
                .handlerUnresponsive,
                "the handler of action \(action) has not stopped within \(options.gracePeriod) of its cancellation"
            )
        }
    }

    private func error(for reason: GoalStateMachine.StopReason) -> MessagingError {
        switch reason {
        case .requested: MessagingError(.cancelled, "the goal was cancelled on request")
        case .preempted: MessagingError(.cancelled, "a newer goal has preempted this one")
        case .abandoned: MessagingError(.cancelled, "the goal's client was not heard of for too long")
        case .shutdown: MessagingError(.shuttingDown, "the server of action \(action) shut down")
        case .deadline: MessagingError(.timeout, "the goal did not end before its deadline")
        case .notBegun: MessagingError(.timeout, "the goal could not begin in the time its client allows")
        }
    }

    // MARK: Time

    /// For a time nothing was done here: what clients have asked meanwhile is yet to be read. Each has its whole time anew.
    mutating func excuseClients(_ now: Duration) {
        for id in live.keys { live[id]?.lastHeard = now }
    }

    /// Does what has become due.
    mutating func tick(_ now: Duration) {
        var due: [GoalID] = []
        for (id, goal) in live where goal.graceEnds.map({ $0 <= now }) ?? (stopReason(of: goal, at: now) != nil) {
            due.append(id)
        }
        for id in inOrder(due) {
            guard let goal = live[id] else { continue }
            if goal.graceEnds != nil {
                apply(.graceOver, to: id, now: now)
            } else if let reason = stopReason(of: goal, at: now) {
                apply(.stop(reason), to: id, now: now)
            }
        }
        ended.expire(at: now)
        rejected.expire(at: now)
        cancelledEarly.expire(at: now)
        pump(now)
    }

    /// Goals in an order that a repeated run has too.
    private func inOrder(_ goals: some Sequence<GoalID>) -> [GoalID] {
        goals.sorted { ByteKey($0.text) < ByteKey($1.text) }
    }

    private func stopReason(of goal: LiveGoal, at now: Duration) -> GoalStateMachine.StopReason? {
        if let deadline = goal.deadline, deadline <= now { return .deadline }
        if goal.machine.status == .accepted, let beginBy = goal.beginBy, beginBy <= now { return .notBegun }
        if let lease = options.lostClient.lease, goal.lastHeard + lease <= now { return .abandoned }
        return nil
    }

    /// When ``tick(_:)`` has something to do next.
    var nextTime: Duration? {
        var next: Duration?
        func note(_ time: Duration?) {
            if let time, next.map({ time < $0 }) ?? true { next = time }
        }
        note(ended.nextExpiry)
        note(rejected.nextExpiry)
        note(cancelledEarly.nextExpiry)
        note(lingersUntil)
        for goal in live.values {
            if let graceEnds = goal.graceEnds {
                note(graceEnds)
                continue
            }
            note(goal.deadline)
            if goal.machine.status == .accepted { note(goal.beginBy) }
            if let lease = options.lostClient.lease { note(goal.lastHeard + lease) }
        }
        return next
    }

    // MARK: The end

    /// Takes no more goals. Running ones may finish; those that wait are canceled.
    mutating func drain(_ now: Duration) {
        guard phase == .serving else { return }
        phase = .draining
        for id in waiting { apply(.stop(.shutdown), to: id, now: now) }
    }

    /// Takes no more goals and cancels those there are.
    mutating func stop(_ now: Duration) {
        guard phase != .stopping else { return }
        phase = .stopping
        for id in inOrder(live.keys) { apply(.stop(.shutdown), to: id, now: now) }
    }

    /// As ``stop(_:)``, for a server that nobody can ask any more: it does not wait for questions either.
    mutating func cutOff(_ now: Duration) {
        isCutOff = true
        stop(now)
    }

    /// Whether nothing is left to do: every handler has returned, and whoever asked about its goal before that has
    /// had the time to ask for the end.
    mutating func isDone(at now: Duration) -> Bool {
        guard phase != .serving, busy.isEmpty, live.isEmpty else { return false }
        guard !isCutOff, ended.contains(where: \.isAwaited) else { return true }
        let until = lingersUntil ?? now + ActionTiming.linger
        lingersUntil = until
        return until <= now
    }
}

extension MessagingError {
    static func unknownGoal(_ id: GoalID, of action: QueueName) -> MessagingError {
        MessagingError(.unknownGoal, "the server of action \(action) does not know goal \(quoted(id.text))")
    }
}
