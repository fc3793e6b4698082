import DequeModule
import Logging
import Synchronization

/// What an action's server knows of its goals. Outside of the generic type, so that it is compiled for all actions at once.
private struct ServedGoals {
    /// A handler that was started: its task may not exist yet when its goal is cancelled.
    struct Running {
        var isCancelled = false
        var cancel: (@Sendable () -> Void)?
    }

    var core: ActionServerCore
    var running: [GoalID: Running] = [:]
    var timer: (id: Timers.ID, time: Duration)?
    var isDone = false
}

/// Runs the goals of one action: does what ``ActionServerCore`` decides.
final class ActionServer<Goal: Codable & Sendable, Feedback: Codable & Sendable, Output: Codable & Sendable>: Sendable {
    typealias Handler = @Sendable (GoalContext<Goal, Feedback>) async throws -> Output

    private struct Start {
        let id: GoalID
        let goal: Goal
        let endsAt: Duration?
    }

    let names: ActionNames
    let options: ActionOptions
    let connection: any Connection
    var runtime: ConnectionRuntime { connection.runtime }
    private let handler: Handler
    private let announcer: GoalAnnouncer
    private let starts: Mailbox<Start>
    private let state: Mutex<ServedGoals>

    init(_ names: ActionNames, _ options: ActionOptions, on connection: any Connection, handler: @escaping Handler) {
        self.names = names
        self.options = options
        self.connection = connection
        self.handler = handler
        announcer = GoalAnnouncer(names, on: connection)
        // No more can be started than there are places.
        starts = Mailbox(limit: options.policy.slots)
        state = Mutex(ServedGoals(core: ActionServerCore(names.action, options)))
    }

    deinit {
        state.withLock { $0.timer?.id }.map(connection.runtime.timers.cancel)
    }

    // MARK: The core

    /// Has the core decide something and does what it decides.
    @discardableResult
    func update<Answer>(_ decide: (inout ActionServerCore, _ now: Duration) -> Answer) -> Answer {
        var afterwards: [@Sendable () -> Void] = []
        let answer = state.withLock { state in
            let now = runtime.timers.now
            let answer = decide(&state.core, now)
            // In the lock, so that what is announced is in the order in which it was decided.
            for effect in state.core.effects {
                if let action = perform(effect, &state) { afterwards.append(action) }
            }
            state.core.effects.removeAll(keepingCapacity: true)
            if !state.isDone, state.core.isDone(at: now) {
                state.isDone = true
                starts.finish()
            }
            schedule(&state)
            return answer
        }
        for action in afterwards { action() }
        return answer
    }

    /// - Returns: what is to be done outside the lock, since it runs code of others: a handler's when it is cancelled,
    ///   a log's.
    private func perform(_ effect: ActionServerCore.Effect, _ state: inout ServedGoals) -> (@Sendable () -> Void)? {
        switch effect {
        case .start(let id, let goal, let endsAt):
            // What was sent was a goal of this action.
            guard let goal = goal as? Goal else { break }
            state.running[id] = ServedGoals.Running()
            _ = starts.offer(Start(id: id, goal: goal, endsAt: endsAt), topic: names.status)
        case .cancelHandler(let id):
            state.running[id]?.isCancelled = true
            return state.running[id]?.cancel
        case .announce(let id, let status):
            announcer.post(id, status)
        case .reportUnresponsive(let id):
            return { [runtime, action = names.action, grace = options.gracePeriod] in
                runtime.logger.error(
                    """
                    the handler of action \(action) has not stopped within \(grace) of its cancellation; no other goal \
                    gets its place until it does
                    """,
                    metadata: ["goal": "\(quoted(id.text))"]
                )
            }
        }
        return nil
    }

    /// Has the core look at the time when something becomes due. A timer that is too early only looks again.
    private func schedule(_ state: inout ServedGoals) {
        let timers = runtime.timers
        guard !state.isDone, let time = state.core.nextTime else {
            state.timer.take().map { timers.cancel($0.id) }
            return
        }
        if let timer = state.timer {
            if timer.time <= time { return }
            timers.cancel(timer.id)
        }
        let id = timers.schedule(at: time) { [weak self] in self?.timerFired(time) }
        state.timer = (id, time)
    }

    private func timerFired(_ time: Duration) {
        state.withLock { if $0.timer?.time == time { $0.timer = nil } }
        let delay = runtime.timers.delay(since: time)
        update { core, now in
            if delay >= ActionTiming.interval(lease: options.lostClient.lease) { core.excuseClients(now) }
            core.tick(now)
        }
    }

    // MARK: Running

    /// Takes no more goals; ``run(goals:others:)`` returns when those at work have ended.
    func drain() {
        update { $0.drain($1) }
    }

    /// Takes no more goals and cancels those there are.
    func stop() {
        update { $0.stop($1) }
    }

    /// Serves until ``drain()`` or ``stop()`` and everything in hand is done. Not to be cancelled: handlers get their
    /// grace, and the last words are said, whatever happens.
    func run(goals: RequestLoop, others: [RequestLoop]) async throws {
        try await withThrowingTaskGroup(of: Void.self) { requests in
            requests.addTask {
                defer { self.drain() }
                try await goals.answer()
            }
            for loop in others {
                requests.addTask {
                    // It ends by itself only if the connection does, whose timers then go off no more.
                    defer { self.update { $0.cutOff($1) } }
                    try await loop.answer()
                }
            }
            let announcing = Task { await announcer.run() }  // Awaited below, after what it has to say.
            await runHandlers()
            announcer.finish()
            // A subscriber that does not read must not hold up the end.
            let timer = runtime.timers.schedule(at: runtime.timers.now + options.gracePeriod) { announcing.cancel() }
            await announcing.value
            runtime.timers.cancel(timer)
            goals.finish()
            for loop in others { loop.finish() }
            try await requests.waitForAll()
        }
    }

    private func runHandlers() async {
        await withDiscardingTaskGroup { handlers in
            var batch: Deque<Start> = []
            // It throws only if the task is cancelled.
            while (try? await starts.next(into: &batch)) != nil, !batch.isEmpty {
                while let start = batch.popFirst() {
                    handlers.addTask { await self.run(start) }
                }
            }
        }
    }

    private func run(_ start: Start) async {
        let goal = GoalContext<Goal, Feedback>(
            value: start.goal,
            id: start.id,
            announcer: announcer,
            runtime: runtime,
            endsAt: start.endsAt
        )
        // Awaited below; a task of its own because its goal is cancelled and no other.
        let work = Task {
            let output = try await handler(goal)
            // What can't be sent is no result; better to know it now than when somebody asks.
            _ = try runtime.codecs.message(output)
            return output
        }
        let isCancelled = state.withLock { state in
            state.running[start.id]?.cancel = { work.cancel() }
            return state.running[start.id]?.isCancelled ?? false
        }
        if isCancelled { work.cancel() }
        let result: ActionServerCore.HandlerResult
        switch await work.result {
        case .success(let output): result = .returned(output)
        case .failure(is CancellationError): result = .threwCancellation
        case .failure(let error): result = .threw(MessagingError(ofHandler: error))
        }
        update { core, now in core.handlerEnded(start.id, result, now: now) }
    }
}

extension MessagingError {
    /// What a client is told of an error that a handler threw: as a caller is, without causes.
    fileprivate init(ofHandler error: any Error) {
        self =
            MessagingError(MessagingError.reply(for: error).headers)
            ?? MessagingError(.handlerFailed, String(describing: error))
    }
}
