import HeapModule
import Synchronization

/// Things to do at a time, for any number of which one task sleeps.
///
/// The task exists while anything is scheduled. Deadlines that fall later than what it sleeps for cost it
/// nothing, and cancelled ones are forgotten when their time comes: a call with a timeout that is answered in
/// time wakes nobody.
@usableFromInline
package final class Timers: Sendable {
    @usableFromInline package typealias ID = UInt64

    private struct Entry: Comparable {
        let time: Duration
        let id: ID

        static func < (a: Entry, b: Entry) -> Bool { (a.time, a.id) < (b.time, b.id) }
    }

    private struct State {
        var entries = Heap<Entry>()
        var actions: [ID: @Sendable () -> Void] = [:]
        var lastID: ID = 0
        var sleeper: Task<Void, Never>?
        var wakesAt: Duration?
        var isStopped = false
    }

    private let timeline: Timeline
    /// Whether a task of its own does what is due; otherwise whoever has made it calls ``fireDue()``.
    private let isAwake: Bool
    private let state = Mutex(State())

    package init(_ timeline: Timeline) {
        self.timeline = timeline
        isAwake = true
    }

    /// Timers without a task, for a program that has events and time in its own hands.
    package init(drivenBy timeline: Timeline) {
        self.timeline = timeline
        isAwake = false
    }

    deinit {
        // The sleeper holds no reference while it sleeps, so this is where it ends at the latest.
        state.withLock { $0.sleeper }?.cancel()
    }

    package var now: Duration { timeline.now }

    /// How late something is that was to be done at a time; see ``Timeline/delay(since:)``.
    package func delay(since time: Duration) -> Duration { timeline.delay(since: time) }

    /// How many entries are kept, those of cancelled actions that are not yet forgotten among them.
    var scheduled: Int { state.withLock { $0.entries.count } }

    package func sleep(until time: Duration) async throws { try await timeline.sleep(until: time) }

    package func sleep(for duration: Duration) async throws { try await timeline.sleep(for: duration) }

    /// Calls `action` once at a time, unless it is cancelled or the timers are stopped before. The action runs on
    /// the sleeping task and must be short.
    @discardableResult
    package func schedule(at time: Duration, _ action: @escaping @Sendable () -> Void) -> ID {
        let (id, replaced): (ID, Task<Void, Never>?) = state.withLock { state in
            state.lastID += 1
            guard !state.isStopped else { return (state.lastID, nil) }
            state.actions[state.lastID] = action
            state.entries.insert(Entry(time: time, id: state.lastID))
            guard isAwake else { return (state.lastID, nil) }
            guard state.wakesAt.map({ time < $0 }) ?? true else { return (state.lastID, nil) }
            return (state.lastID, sleep(until: time, &state))
        }
        // Outside the lock: it calls the clock's cancellation handler.
        replaced?.cancel()
        return id
    }

    @usableFromInline
    package func cancel(_ id: ID) {
        let action = state.withLock { state in
            let action = state.actions.removeValue(forKey: id)
            // Entries of cancelled actions stay in the heap; rebuilding it when they are the greater part keeps
            // it in proportion at a constant cost each.
            if state.entries.count > 64, state.entries.count > 2 * state.actions.count {
                let actions = state.actions
                state.entries = Heap(state.entries.unordered.filter { actions[$0.id] != nil })
            }
            return action
        }
        // What it holds may itself do something when it goes, so it goes outside the lock.
        withExtendedLifetime(action) {}
    }

    /// Ends the sleeping task and forgets everything. Nothing can be scheduled afterwards.
    package func stop() async {
        let (sleeper, actions) = state.withLock { state in
            state.isStopped = true
            let actions = state.actions
            state.actions = [:]
            state.entries = Heap()
            return (state.sleeper.take(), actions)
        }
        withExtendedLifetime(actions) {}
        sleeper?.cancel()
        await sleeper?.value
    }

    /// The task is owned: replaced by the next one, cancelled by `stop()` and `deinit`.
    ///
    /// - Returns: the one that it replaces, to be cancelled.
    private func sleep(until time: Duration, _ state: inout State) -> Task<Void, Never>? {
        let replaced = state.sleeper
        state.wakesAt = time
        state.sleeper = Task { [timeline, weak self] in
            do {
                try await timeline.sleep(until: time)
            } catch {
                return
            }
            self?.fire(at: time)
        }
        return replaced
    }

    private func fire(at time: Duration) {
        let due: [@Sendable () -> Void] = state.withLock { state in
            // A sleeper that was replaced in the same moment leaves the work to its successor.
            guard state.wakesAt == time else { return [] }
            let due = takeDue(at: max(time, timeline.now), &state)
            state.wakesAt = nil
            // What it replaces is the task that runs this, or one whose time has come too: it ends by itself.
            if let next = state.entries.min { _ = sleep(until: next.time, &state) }
            return due
        }
        for action in due { action() }
    }

    private func takeDue(at now: Duration, _ state: inout State) -> [@Sendable () -> Void] {
        var due: [@Sendable () -> Void] = []
        while let first = state.entries.min, first.time <= now || state.actions[first.id] == nil {
            state.entries.removeMin()
            if let action = state.actions.removeValue(forKey: first.id) { due.append(action) }
        }
        return due
    }

    // MARK: Driven from outside

    /// When ``fireDue()`` next has something to do; `nil`: nothing is scheduled.
    package var nextDeadline: Duration? { state.withLock { $0.entries.min?.time } }

    /// Does what is due, here and now.
    package func fireDue() {
        for action in state.withLock({ takeDue(at: timeline.now, &$0) }) { action() }
    }
}
