import Logging
import Martlet
import MartletTransport

/// Shows the server that the connection is alive, and finds out whether the server is. On the session's loop.
///
/// What a connection keeps at the server under a lease is looked at with each sign of life, and put there again if it is
/// gone: its consumers, its reply lists, and its will. Redis knows no wills, so one lies there under a lease, and every
/// Martlet connection publishes, from time to time, those whose lease is over.
final class LifeSigns {
    /// After what time the server ends a socket by which nothing is said.
    private enum Timeout {
        /// It may not be asked, or has not been.
        case unknown
        /// It was refused, and is not asked again on this link.
        case untold
        case never
        case after(Duration)
    }

    private static let keys = ["{martlet.wills}", "{martlet.wills}.contents"].map { Array($0.utf8) }
    private static let slot = ClusterSlot.slot(of: keys[0])
    /// How often something is said by each socket where the server does not tell what it wants.
    private static let cautious = Duration.seconds(3)

    /// What belongs to a sign of life. A node of a cluster may take long to answer, or hang: so each part has a task to itself,
    /// and none waits for another one.
    fileprivate enum Part: Hashable, Sendable {
        case clock, will
        case consumer(Int)
    }

    /// Of this connection alone, whatever it is called.
    private let willID: [UInt8]
    /// Shows signs of life. Owned: it lives as long as the link.
    private var heartbeat: Task<Void, Never>?
    /// Ends when the next sign of life is due.
    fileprivate var pause: Promise<Void>?
    private var nextBeat: (timer: Timers.ID, time: Duration)?
    /// What is being shown: none is shown twice at the same time.
    private var underWay: Set<Part> = []
    /// What is being shown once more meanwhile.
    private var beside: Set<Part> = []
    /// Finds out that the server is silent.
    private var watchdog: Timer?
    private var timeout = Timeout.unknown
    /// Whether something was refused since the last sign of life, so that the next one comes soon.
    private var wasRefused = false

    init(of name: String) {
        willID = Array("\(name)-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))".utf8)
    }

    /// There is a link, and what is kept at the server is about to be put there again.
    func begin(_ session: isolated RedisSession) {
        guard session.keeper.isUp else { return }
        heartbeat?.cancel()
        pauseUntilNextBeat(session)
        heartbeat = Task { [weak session] in
            await withDiscardingTaskGroup { group in
                while let pause = await session?.pause, (try? await pause.value()) != nil {
                    for part in await session?.beat() ?? [] {
                        group.addTask { [weak session] in await session?.show(part) }
                    }
                }
            }
        }
    }

    /// Something waits for a sign of life: the next one comes soon. One that is put off again and again would never come.
    func hasten(_ session: isolated RedisSession) {
        wasRefused = true
        guard pause != nil, let nextBeat else { return }
        let time = session.runtime.timers.now + delay(session.options)
        if time < nextBeat.time { schedule(at: time, session) }
    }

    private func pauseUntilNextBeat(_ session: isolated RedisSession) {
        pause = Promise()
        schedule(at: session.runtime.timers.now + delay(session.options), session)
    }

    private func schedule(at time: Duration, _ session: isolated RedisSession) {
        guard let pause else { return }
        let timers = session.runtime.timers
        if let nextBeat { timers.cancel(nextBeat.timer) }
        nextBeat = (timers.schedule(at: time) { pause.end(.success(())) }, time)
    }

    /// The link is gone, or about to go.
    func end(_ session: isolated RedisSession) {
        heartbeat?.cancel()
        heartbeat = nil
        pause = nil
        if let nextBeat { session.runtime.timers.cancel(nextBeat.timer) }
        nextBeat = nil
        watchdog?.cancel()
        watchdog = nil
        timeout = .unknown
    }

    /// What was refused passes soon, or it is tried again in vain; else a lease has three signs of life.
    private func delay(_ options: RedisOptions) -> Duration {
        wasRefused ? min(options.lease / 3, .seconds(1)) : options.lease / 3
    }

    /// A sign of life is due.
    ///
    /// - Returns: what it consists of.
    fileprivate func beat(_ session: isolated RedisSession) -> [Part] {
        guard pause != nil else { return [] }
        wasRefused = false
        pauseUntilNextBeat(session)
        // The end may have come meanwhile, and with it the last that is to be said of this owner.
        if session.keeper.state == .open {
            try? session.replies.owners.renew(hasLists: session.replies.isOpen, session)
            session.replies.askNode(session)
        }
        return [.clock, .will] + session.consumers.numbers.map { .consumer($0) }
    }

    fileprivate func show(_ part: Part, _ session: isolated RedisSession) async {
        guard underWay.insert(part).inserted else { return await showMeanwhile(part, session) }
        defer { underWay.remove(part) }
        do {
            switch part {
            case .clock:
                try await readClock(session, attempts: 1)
                try await readTimeout(session)
            case .will:
                try await session.unlessAway { try await renewWill(session) }
            case .consumer(let number):
                try await session.unlessAway { try await session.consumers.tend(number, session) }
            }
        } catch {
            // A lost link tells of itself.
        }
    }

    /// Shows what was to be shown with the last sign of life and still is: lest a lease ends meanwhile.
    private func showMeanwhile(_ part: Part, _ session: isolated RedisSession) async {
        guard beside.insert(part).inserted else { return }
        defer { beside.remove(part) }
        do {
            switch part {
            case .clock: break
            case .will: try await renewWill(session, by: session.commands.roleBeside(Self.slot, session))
            case .consumer(let number): try await session.consumers.renewMeanwhile(number, session)
            }
        } catch {
            // The next sign of life tries again.
        }
    }

    /// The server refuses something that is tried again. Said aloud once a minute.
    func wasRefused(_ error: MessagingError, _ session: isolated RedisSession) {
        hasten(session)
        let subject = (error.cause as? RedisError).map { String($0.kind) } ?? (error.cause as? NodeAway)?.node
        session.runtime.tell(of: subject ?? "", "\(error); it is tried again")
    }

    // MARK: What the server tells

    /// Reads the server's clock, a few times if the answers take long.
    func readClock(_ session: isolated RedisSession, attempts: Int) async throws {
        let clock = session.clock
        for _ in 0..<attempts {
            let asked = clock.steady
            let answer = Promise<Void>()
            let request = Request(
                [[Array("TIME".utf8)]],
                .handler { session, result in
                    // Here, on the loop: until the task goes on time may pass.
                    if case .success(let reply) = result { clock.set(reply, asked: asked, answered: clock.steady) }
                    answer.end(result.map { _ in })
                }
            )
            try session.commands.perform(request, session)
            try await answer.value()
            if let uncertainty = clock.uncertainty, uncertainty < .milliseconds(2) { return }
        }
    }

    /// Reads after what time the server ends a socket by which nothing is said.
    func readTimeout(_ session: isolated RedisSession) async throws {
        if case .untold = timeout { return }
        let reply = try await session.commands.perform(words: "CONFIG", "GET", "timeout", by: session)
        if let error = reply.error {
            timeout = error.outlook == .final ? .untold : .unknown
        } else if let parts = reply.array, parts.count == 2, let seconds = parts[1].integer, seconds >= 0 {
            timeout = seconds == 0 ? .never : .after(.seconds(min(seconds, 1 << 30)))
        } else {
            timeout = .untold
        }
    }

    /// After what silence something is said by a socket; `nil`: never.
    private func patience(_ options: RedisOptions) -> Duration? {
        switch timeout {
        case .never: options.keepAlive
        case .unknown, .untold: min(options.keepAlive ?? Self.cautious, Self.cautious)
        case .after(let time): min(options.keepAlive ?? time / 3, time / 3)
        }
    }

    // MARK: Silence

    /// Looks again and again whether the server is silent, until the link is lost.
    func watch(_ session: isolated RedisSession) {
        watchdog?.cancel()
        let options = session.options
        let shortest = min(options.responseTimeout, options.lease, patience(options) ?? options.lease)
        let pause = max(shortest / 4, .milliseconds(50))
        let due = ContinuousClock.now + pause
        watchdog = session.loop.schedule(after: pause) { [weak session] in
            session?.assumeIsolated { session in
                guard session.isOpen else { return }
                // This process did not run for a while: the server was asked nothing, or its answer has not been read yet.
                if ContinuousClock.now - due > pause { session.sockets.excuse() }
                session.signs.checkSilence(session)
                if session.isOpen { session.signs.watch(session) }
            }
        }
    }

    /// Finds out that the server does not answer, and says something where it would take a socket for an idle one.
    private func checkSilence(_ session: isolated RedisSession) {
        session.subscribers.checkWhetherCut(session)
        let now = ContinuousClock.now
        let (patience, limit) = (patience(session.options), session.options.responseTimeout)
        session.commands.checkSilence(patience, limit: limit, now: now, session)
        guard let patience else { return }
        // One that is lost may take others with it.
        for (role, link) in session.sockets.others where link.isReady && !link.isPaused {
            let silence = now - link.lastHeard
            guard silence > patience, session.mayBeAsked(role) else { continue }
            if silence <= patience + limit {
                link.write(CommandFormat.bytes(of: "PING"))
                link.flush()
            } else {
                session.ended(role, MessagingError(.connectionLost, "the server has not answered for \(silence)"))
            }
        }
    }

    // MARK: The will

    /// Leaves the will. Where the server refuses that for a reason that passes, the next sign of life does.
    func storeWill(_ session: isolated RedisSession) async throws {
        guard let will = session.options.connection.will else { return }
        if will.retain {
            throw MessagingError(.unsupported, "Redis keeps no message of a topic, and so no will either")
        }
        let body = try session.runtime.wire.publication(will.message)
        let topic = Array(will.topic.text(in: .dotted).utf8)
        let command = session.script(
            Scripts.storeWill,
            keys: Self.keys,
            [willID, lease(session.options), topic, body]
        )
        do {
            try await session.commands.perform([command], slot: Self.slot, session).check("the will")
        } catch let error as MessagingError where error.leavesLink && error.isRetriable {
            wasRefused(error, session)
        }
    }

    /// Shows that this connection is alive, and publishes the wills of those that are not.
    private func renewWill(_ session: isolated RedisSession, by role: RedisSession.Role? = nil) async throws {
        // The end may have come meanwhile, and with it that of the will.
        guard session.isStaying else { return }
        let hasWill = session.options.connection.will != nil
        let command = session.script(
            Scripts.renewWill,
            keys: Self.keys,
            [hasWill ? willID : [], lease(session.options)]
        )
        let reply = try await session.commands.perform([command], slot: Self.slot, to: role, session)
        if let error = reply.error { return wasRefused(error.asMessagingError("a will"), session) }
        guard hasWill, reply.integer == 0, session.isStaying else { return }
        do {
            try await storeWill(session)
        } catch let error as MessagingError where error.cause is RedisError {
            wasRefused(error, session)
        }
    }

    func dropWill(_ session: isolated RedisSession) async throws {
        guard session.options.connection.will != nil else { return }
        _ = try await session.commands.perform(
            [session.script(Scripts.dropWill, keys: Self.keys, [willID])],
            slot: Self.slot,
            session
        )
    }

    private func lease(_ options: RedisOptions) -> [UInt8] { Array(String(options.lease.atLeastOneMillisecond).utf8) }
}

extension RedisSession {
    // The task of a link that is over may still ask for these when there is another link: what is that one's is not for it.
    fileprivate var pause: Promise<Void>? { Task.isCancelled ? nil : signs.pause }
    fileprivate func beat() -> [LifeSigns.Part] { Task.isCancelled ? [] : signs.beat(self) }
    fileprivate func show(_ part: LifeSigns.Part) async {
        if !Task.isCancelled { await signs.show(part, self) }
    }

    /// Whether there is a link, and is to be one.
    fileprivate var isStaying: Bool { keeper.state == .open || keeper.state == .restoring }

    /// Whether something can be said by a socket now. One on which the server waits for something is not taken for idle.
    fileprivate func mayBeAsked(_ role: Role) -> Bool {
        switch role {
        case .command, .node, .signs, .replyLists: return false
        case .subscriber, .replies: return true
        case .consumer(let number):
            guard let consumer = consumers[number], consumer.moves == 0 else { return false }
            consumer.awaitedPongs += 1
            return true
        }
    }
}
