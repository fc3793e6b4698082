import Synchronization

/// A clock that stands still until a test moves it, so that timeouts, deadlines and expiry are tested without
/// waiting for them.
///
/// ```swift
/// let clock = TestClock()
/// let connection = try await broker.connect(options: ConnectionOptions(clock: clock))
/// async let sum = connection.call(add, Pair(a: 1, b: 2), timeout: .seconds(5))
/// try await clock.waitForSleepers()          // the call's timeout is being waited for
/// clock.advance(by: .seconds(5))             // and is over
/// ```
///
/// Times only matter relative to each other: whoever begins to sleep until a time that has been passed already goes
/// on at once. So moving the clock too early for one who sleeps *until* a time loses nothing; it does for one who
/// sleeps *for* a time, which is what ``waitForSleepers(count:)`` is for.
public final class TestClock: Clock, Sendable {
    private struct Sleeper {
        let id: UInt64
        let deadline: Instant
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct Watcher {
        let id: UInt64
        let count: Int
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now = Instant(offset: .zero)
        /// In the order of their deadlines; of equal ones, in the order of their coming.
        var sleepers: [Sleeper] = []
        var watchers: [Watcher] = []
        var lastID: UInt64 = 0

        mutating func makeID() -> UInt64 {
            lastID += 1
            return lastID
        }

        mutating func insert(_ sleeper: Sleeper) {
            var low = 0
            var high = sleepers.count
            while low < high {
                let middle = (low + high) / 2
                if sleepers[middle].deadline <= sleeper.deadline { low = middle + 1 } else { high = middle }
            }
            sleepers.insert(sleeper, at: low)
        }

        mutating func takeSatisfied() -> [Watcher] {
            let satisfied = watchers.filter { $0.count <= sleepers.count }
            if !satisfied.isEmpty { watchers.removeAll { $0.count <= sleepers.count } }
            return satisfied
        }
    }

    private let state = Mutex(State())

    /// A clock at time zero.
    public init() {}

    // MARK: Clock

    /// The time it has been moved to.
    public var now: Instant { state.withLock { $0.now } }

    /// It has no resolution of its own.
    public var minimumResolution: Duration { .zero }

    /// Sleeps until the clock is moved to `deadline` or past it; the tolerance is ignored.
    ///
    /// - Throws: `CancellationError` as soon as the task is cancelled.
    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        let id = state.withLock { $0.makeID() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let satisfied: [Watcher]? = state.withLock { state in
                    // Cancelled from here on, the handler below finds the sleeper.
                    guard !Task.isCancelled, state.now < deadline else { return nil }
                    state.insert(Sleeper(id: id, deadline: deadline, continuation: continuation))
                    return state.takeSatisfied()
                }
                guard let satisfied else {
                    continuation.resume(with: Result { try Task.checkCancellation() })
                    return
                }
                for watcher in satisfied { watcher.continuation.resume() }
            }
        } onCancel: {
            let sleeper: Sleeper? = state.withLock { state in
                guard let index = state.sleepers.firstIndex(where: { $0.id == id }) else { return nil }
                return state.sleepers.remove(at: index)
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    // MARK: Moving it

    /// Moves the clock on. Sleepers whose time has come are resumed in the order of their deadlines, with ``now``
    /// at its new place; one who sleeps again until a time that has come goes on at once.
    ///
    /// Resumed tasks run on their own threads: when this returns they may not have got far yet.
    public func advance(by duration: Duration) {
        move { $0.advanced(by: duration) }
    }

    /// Moves the clock on to a time; does nothing if it is there or past it already. See ``advance(by:)``.
    public func advance(to time: Instant) {
        move { _ in time }
    }

    /// Moves the clock on to when the next sleeper wakes, and no further.
    ///
    /// - Returns: how far it was moved; `nil` if nobody sleeps.
    @discardableResult
    public func advanceToNextDeadline() -> Duration? {
        let (moved, due): (Duration?, [Sleeper]) = state.withLock { state in
            guard let next = state.sleepers.first?.deadline else { return (nil, []) }
            let moved = state.now.duration(to: next)
            return (moved, Self.move(&state, to: next))
        }
        for sleeper in due { sleeper.continuation.resume() }
        return moved
    }

    private func move(_ target: (Instant) -> Instant) {
        let due = state.withLock { Self.move(&$0, to: target($0.now)) }
        for sleeper in due { sleeper.continuation.resume() }
    }

    private static func move(_ state: inout State, to time: Instant) -> [Sleeper] {
        state.now = max(state.now, time)
        let count = state.sleepers.firstIndex { $0.deadline > state.now } ?? state.sleepers.count
        // Copied first: while there is a slice of the list, all of it would be.
        let due = Array(state.sleepers.prefix(count))
        state.sleepers.removeFirst(count)
        return due
    }

    // MARK: Watching it

    /// How many tasks sleep.
    public var sleepers: Int { state.withLock { $0.sleepers.count } }

    /// The times until which tasks sleep, the earliest first.
    public var deadlines: [Instant] { state.withLock { $0.sleepers.map(\.deadline) } }

    /// Returns once at least `count` tasks sleep; at once if they do already.
    ///
    /// Count what sleeps anyway: all timeouts of one connection are one sleeper, as is all expiry of one broker.
    ///
    /// - Throws: `CancellationError`. It waits for ever if fewer tasks come to sleep: give the test a time limit.
    public func waitForSleepers(count: Int = 1) async throws {
        let id = state.withLock { $0.makeID() }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let waits = state.withLock { state in
                    guard !Task.isCancelled, state.sleepers.count < count else { return false }
                    state.watchers.append(Watcher(id: id, count: count, continuation: continuation))
                    return true
                }
                if !waits { continuation.resume(with: Result { try Task.checkCancellation() }) }
            }
        } onCancel: {
            let watcher: Watcher? = state.withLock { state in
                guard let index = state.watchers.firstIndex(where: { $0.id == id }) else { return nil }
                return state.watchers.remove(at: index)
            }
            watcher?.continuation.resume(throwing: CancellationError())
        }
    }
}
