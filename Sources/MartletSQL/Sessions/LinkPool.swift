import DequeModule
package import Martlet
import Synchronization

/// Links that are lent, given back and lent again.
///
/// Whoever asks first gets the first that is free. A link is made when none is idle and there are fewer than allowed.
package final class LinkPool<Link: SQLLink>: Sendable {
    /// What whoever waits is told: a link, or that one may be made.
    private enum Turn: Sendable {
        /// One that was idle.
        case use(Link)
        /// One that was given back this moment.
        case goOn(Link)
        case make
    }

    private struct Waiting {
        let turn: Promise<Turn>
        let deadline: Duration
    }

    /// What whoever asks is told at once.
    private enum Admission {
        case now(Turn)
        case later(Waiting, isWatched: Bool)
    }

    private struct Idle {
        let link: Link
        let since: Duration
    }

    private struct State {
        var idle: [Idle] = []
        /// When the links that are lent were.
        var lent: [ObjectIdentifier: Duration] = [:]
        /// Those lent, idle and being made.
        var count = 0
        /// All wait for the same time, so that they lose patience in their order.
        var waiting: Deque<Waiting> = []
        /// Whether somebody looks after those that have waited too long.
        var isWatched = false
        var isClosed = false
        var closers: [CheckedContinuation<Void, Never>] = []
    }

    private let name: String
    private let maximum: Int
    private let minimum: Int
    private let patience: Duration
    private let staleAfter: Duration?
    private let timers: Timers
    private let make: @Sendable () async throws -> Link
    private let state = Mutex(State())

    /// - Parameters:
    ///   - name: what errors call it.
    ///   - maximum: how many links there are at most.
    ///   - minimum: how many are made together when one is needed and there are fewer.
    ///   - patience: how long a task waits for one.
    ///   - staleAfter: how long a link may be idle and still be used.
    package init(
        name: String,
        maximum: Int,
        minimum: Int = 0,
        patience: Duration,
        staleAfter: Duration? = nil,
        timers: Timers = Timers(Timeline()),
        make: @escaping @Sendable () async throws -> Link
    ) {
        self.name = name
        self.maximum = maximum
        self.minimum = minimum
        self.patience = patience
        self.staleAfter = staleAfter
        self.timers = timers
        self.make = make
    }

    /// How many links there are, and how many of them are lent.
    package var figures: (links: Int, lent: Int, waiting: Int) {
        state.withLock { ($0.count, $0.lent.count, $0.waiting.count) }
    }

    /// Lends a link to a body.
    package func withLink<Result>(_ body: (Link) async throws -> Result) async throws -> Result {
        let link = try await take()
        let result: Swift.Result<Result, any Error>
        do { result = .success(try await body(link)) } catch { result = .failure(error) }
        await giveBack(link)
        return try result.get()
    }

    // MARK: Taking

    /// Lends a link, until it is given back by ``giveBack(_:)``.
    package func take() async throws -> Link {
        var turn = try await nextTurn()
        while true {
            switch turn {
            case .make: return try await makeLinks()
            case .goOn(let link): return link
            case .use(let link):
                if await isFit(link) { return link }
                await link.close()
                state.withLock { $0.lent[ObjectIdentifier(link)] = nil }
                // Its place is kept for a new one, unless another is idle.
                turn = state.withLock { state in
                    guard let idle = popIdle(&state) else { return .make }
                    state.count -= 1
                    return .use(idle)
                }
            }
        }
    }

    private func isFit(_ link: Link) async -> Bool {
        let since = state.withLock { state in
            defer { state.lent[ObjectIdentifier(link)] = timers.now }
            return state.lent[ObjectIdentifier(link)] ?? timers.now
        }
        if let staleAfter, timers.now - since > staleAfter { return false }
        return await link.isAlive
    }

    /// Lends the link that was used last. Until it is found fit, the time is kept since which it was idle.
    private func popIdle(_ state: inout State) -> Link? {
        guard let idle = state.idle.popLast() else { return nil }
        state.lent[ObjectIdentifier(idle.link)] = idle.since
        return idle.link
    }

    private func nextTurn() async throws -> Turn {
        try Task.checkCancellation()
        let admission: Admission = try state.withLock { state in
            if state.isClosed { throw closed }
            if let link = popIdle(&state) { return .now(.use(link)) }
            if state.count < maximum {
                state.count += 1
                return .now(.make)
            }
            let waiting = Waiting(turn: Promise(), deadline: timers.now + patience.capped)
            state.waiting.append(waiting)
            defer { state.isWatched = true }
            return .later(waiting, isWatched: state.isWatched)
        }
        let waiting: Waiting
        switch admission {
        case .now(let turn): return turn
        case .later(let entry, let isWatched):
            waiting = entry
            if !isWatched { watch(until: entry.deadline) }
        }
        do {
            return try await waiting.turn.value()
        } catch {
            state.withLock { state in state.waiting.removeAll { $0.turn === waiting.turn } }
            throw error
        }
    }

    /// Looks after those that wait, for as long as there are any.
    private func watch(until deadline: Duration) {
        timers.schedule(at: deadline) { [weak self] in self?.endWaiting() }
    }

    private func endWaiting() {
        let impatience = impatience()
        let (impatient, next) = state.withLock { state in
            var impatient: [Waiting] = []
            while let first = state.waiting.first, first.deadline <= timers.now {
                impatient.append(first)
                state.waiting.removeFirst()
            }
            state.isWatched = !state.waiting.isEmpty
            return (impatient, state.waiting.first?.deadline)
        }
        for waiting in impatient { waiting.turn.end(.failure(impatience)) }
        if let next { watch(until: next) }
    }

    private var closed: SQLError { SQLError(.closed, "\(name) was closed") }

    private func impatience() -> SQLError {
        let (lent, waiting) = state.withLock { ($0.lent, $0.waiting.count) }
        let longest = lent.values.min().map { timers.now - $0 } ?? .zero
        let tenths = Int((longest.seconds * 10).rounded())
        return SQLError(
            .timeout,
            "no session of \(name) was free for \(patience): \(lent.count) of \(maximum) are in use, the first one for "
                + "\(tenths / 10).\(tenths % 10) s, and \(waiting) tasks wait"
        )
    }

    /// Makes the link that is needed, and beside it those that are to be there anyway.
    private func makeLinks() async throws -> Link {
        let others = state.withLock { state in
            let missing = max(0, minimum - state.count)
            state.count += missing
            return missing
        }
        guard others > 0 else { return try await makeLink() }
        return try await withThrowingTaskGroup(of: Result<Link, any Error>.self) { group in
            for _ in 0...others {
                group.addTask { do { return .success(try await self.makeLink()) } catch { return .failure(error) } }
            }
            // The first that is made is the one that is needed. A server that has room for one is room enough.
            var needed: Link?
            var failure: (any Error)?
            for try await result in group {
                switch result {
                case .success(let link) where needed == nil: needed = link
                case .success(let link): await giveBack(link)
                case .failure(let error): failure = failure ?? error
                }
            }
            if let needed { return needed }
            throw failure ?? CancellationError()
        }
    }

    private func makeLink() async throws -> Link {
        let link: Link
        do {
            link = try await make()
        } catch {
            leave(nil)
            throw error
        }
        let isClosed = state.withLock { state in
            state.lent[ObjectIdentifier(link)] = timers.now
            return state.isClosed
        }
        guard isClosed else { return link }
        await giveBack(link)
        throw closed
    }

    // MARK: Giving back

    /// Takes back a link that ``take()`` has lent.
    package func giveBack(_ link: Link) async {
        var isReusable = await link.isReusable
        if isReusable, state.withLock({ $0.isClosed }) { isReusable = false }
        if !isReusable { await link.close() }
        leave(isReusable ? link : nil, lent: link)
    }

    /// Hands a link, or the place of one that is gone, to whoever waits longest, or keeps it.
    private func leave(_ link: Link?, lent: Link? = nil) {
        let (unwanted, closers): (Link?, [CheckedContinuation<Void, Never>]) = state.withLock { state in
            if let lent { state.lent[ObjectIdentifier(lent)] = nil }
            while let next = state.waiting.popFirst() {
                // It is lent before its new user may give it back.
                if let link { state.lent[ObjectIdentifier(link)] = timers.now }
                if next.turn.end(.success(link.map(Turn.goOn) ?? .make)) { return (nil, []) }
                if let link { state.lent[ObjectIdentifier(link)] = nil }
            }
            if let link, !state.isClosed {
                state.idle.append(Idle(link: link, since: timers.now))
                return (nil, [])
            }
            state.count -= 1
            guard state.count == 0 else { return (link, []) }
            defer { state.closers = [] }
            return (link, state.closers)
        }
        // A link that came back while the pool was closing was closed by whoever gave it back, or ends with its last user.
        withExtendedLifetime(unwanted) {}
        for closer in closers { closer.resume() }
    }

    // MARK: Closing

    package func close() async {
        let (idle, waiting) = state.withLock { state in
            state.isClosed = true
            defer { (state.idle, state.waiting) = ([], []) }
            return (state.idle, state.waiting)
        }
        for waiting in waiting { waiting.turn.end(.failure(closed)) }
        for entry in idle {
            await entry.link.close()
            leave(nil)
        }
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.count > 0 { state.closers.append(continuation) }
                return state.count == 0
            }
            if isDone { continuation.resume() }
        }
        await timers.stop()
    }
}
