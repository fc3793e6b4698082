import DequeModule
import Dispatch
import Martlet
import Synchronization

/// One thread that runs the jobs of the actors that live on it, watches descriptors for them, and keeps their
/// timers.
///
/// A transport's actor returns the loop as its `unownedExecutor`. Its isolated code may then register descriptors
/// and timers, touches its C library on this thread alone, and is called back on it: `assumeIsolated` works in
/// handlers and in what a C library calls from them. Several actors may share a loop.
///
/// **Life.** The thread exists while it is needed. It starts with the first ``open()``, job or work, and ends when
/// all who opened the loop have closed it and no job waits; then what is still watched or scheduled is cancelled
/// and the wake-up descriptors are closed. A job for a closed loop (a call to an actor whose connection is closed
/// has to run, if only to throw) starts a thread again, which ends when there are no more. There is never more
/// than one at a time. The thread keeps the loop in memory; nothing else of it does. Where the system has no thread left
/// ``open()`` throws, and the jobs of a closed loop run on one of the global pool's.
///
/// **Turns.** In each round the thread runs what waits and what that brings (at most 256 jobs), then timers that are
/// due, then looks at all descriptors and calls the handler of each ready one once. So neither a flood of
/// jobs nor one of input starves the other, provided that a job or handler does a bounded amount and does not
/// block.
///
/// **Sockets.** The loop does not touch the process's signals: who writes to a socket passes `MSG_NOSIGNAL` (or has
/// set `SO_NOSIGPIPE`), lest a connection that was closed by the other side end the process.
package final class EventLoop: SerialExecutor, TaskExecutor, Sendable {
    enum Entry: Sendable {
        case actorJob(UnownedJob)
        case taskJob(UnownedJob)
        case work(@Sendable () -> Void)
    }

    /// Closing calls that wait for the thread to end. The first one joins it, and then tells the others.
    struct Farewell: Sendable {
        let thread: SystemThread
        let others: [CheckedContinuation<Farewell?, Never>]
    }

    struct State {
        var queue: Deque<Entry> = []
        /// How many hold the loop open.
        var users = 0
        var isRunning = false
        /// The thread sleeps or is about to, and nobody has promised yet to wake it.
        var isAsleep = false
        /// Where to write to wake it. Open for as long as there is a promise to do so.
        var wakeUpDescriptor: CInt = -1
        var closers: [CheckedContinuation<Farewell?, Never>] = []
        var statistics = LoopStatistics()
    }

    /// What has to be done, outside the lock, so that the thread sees what was just put into the state.
    enum Summons {
        case none
        case start
        case wake(CInt)
    }

    /// What the thread is called; Linux shows the first 15 bytes.
    package let name: String
    let state = Mutex(State())
    /// The ID of the loop's thread; zero if it has none.
    let owner = Atomic<UInt>(0)
    // Proof: touched on the loop's thread alone, of which there is one at a time; the next one starts after the
    // last has let go of the lock for the last time. Members that use it and can be called from outside pass
    // `preconditionCurrent()` first.
    nonisolated(unsafe) let body = LoopBody()
    let lane = SerialLane()
    private let start: @Sendable (@escaping @Sendable () -> Void) -> SystemThread?

    /// - Parameter name: what its thread is called. It starts with the first job or the first ``open()``.
    package convenience init(name: String) {
        self.init(name: name, start: SystemThread.start)
    }

    /// - Parameter start: starts a thread; `nil` if there is none.
    init(name: String, start: @escaping @Sendable (@escaping @Sendable () -> Void) -> SystemThread?) {
        self.name = name
        self.start = start
        lane.attach(to: self)
    }

    /// Whether the caller is on the loop's thread.
    package var isCurrent: Bool {
        // The thread itself has set it to its own ID, and back before it ended; whatever else another thread reads
        // here, it is not its own ID.
        owner.load(ordering: .relaxed) == SystemThread.current.id
    }

    func preconditionCurrent() {
        precondition(isCurrent, "this may only be used on the thread of the event loop '\(name)'")
    }

    /// Whether it has a thread at the moment.
    package var isRunning: Bool { state.withLock { $0.isRunning } }

    package var statistics: LoopStatistics { state.withLock { $0.statistics } }

    // MARK: Jobs and work

    /// Runs `work` on the loop's thread, soon; from any thread, with whatever locks held. Jobs and work keep their
    /// order. It costs a lock, and a system call if the thread sleeps. How much waits is not bounded here: whoever
    /// may be called often remembers that he has asked already.
    package func execute(_ work: @escaping @Sendable () -> Void) {
        append(.work(work))
    }

    func append(_ entry: Entry) {
        follow(
            state.withLock { state in
                state.queue.append(entry)
                return state.summon()
            }
        )
    }

    func follow(_ summons: Summons) {
        switch summons {
        case .none: break
        case .start: if !startThread() { runOnPool() }
        case .wake(let descriptor): WakeUpPipe.wake(descriptor)
        }
    }

    // MARK: Life

    /// Holds the loop open, so that its thread lives until as many ``close()`` or ``closeSoon()`` have come. From
    /// any thread.
    ///
    /// - Throws: `MessagingError.Code.notConnected` if the system has no thread for it. Then it is not held open.
    package func open() throws {
        let (isFirst, closers) = state.withLock { state in
            state.users += 1
            defer { state.closers = [] }
            // A thread that runs finds out when it would otherwise end.
            if state.isRunning { return (false, state.closers) }
            _ = state.summon()
            return (true, state.closers)
        }
        // Who closed just before was the last no longer, and has nothing to wait for.
        for closer in closers { closer.resume(returning: nil) }
        guard isFirst, !startThread() else { return }
        state.withLock { $0.removeUser() }
        // What came meanwhile takes it for running.
        runOnPool()
        throw MessagingError(.notConnected, "the system has no thread left for the connection")
    }

    /// Takes back an ``open()``. For the last one it returns when no job waits any more, the thread has ended and
    /// its descriptors are closed; for others at once. Cancellation does not shorten it: it lasts as long as the
    /// jobs that wait.
    package func close() async {
        let farewell = await withCheckedContinuation { continuation in
            let (summons, waits) = state.withLock { state in
                state.removeUser()
                guard state.users == 0, state.isRunning else { return (Summons.none, false) }
                state.closers.append(continuation)
                return (state.summon(), true)
            }
            follow(summons)
            if !waits { continuation.resume(returning: nil) }
        }
        guard let farewell else { return }
        // The thread resumed this task as its very last act, so that this blocks for some microseconds at most;
        // afterwards its stack and whatever it held are gone, too.
        farewell.thread.join()
        for closer in farewell.others { closer.resume(returning: nil) }
    }

    /// Takes back an ``open()`` without waiting, for a `deinit`, which may run on the loop's own thread. The thread
    /// ends by itself.
    package func closeSoon() {
        follow(
            state.withLock { state in
                state.removeUser()
                return state.users == 0 && state.isRunning ? state.summon() : .none
            }
        )
    }

    /// - Returns: whether the system has one.
    private func startThread() -> Bool {
        let thread = start { [self] in
            SystemThread.nameCurrent(name)
            SystemThread.ignoreBrokenPipes()
            let closers = run()
            guard let first = closers.first else { return SystemThread.current.detach() }
            first.resume(returning: Farewell(thread: .current, others: Array(closers.dropFirst())))
        }
        return thread != nil
    }

    /// Runs what waits on a thread that there is, until the loop is no longer needed: soon, as it is not open.
    private func runOnPool() {
        DispatchQueue.global().async { [self] in
            for closer in run() { closer.resume(returning: nil) }
        }
    }
}

extension EventLoop.State {
    /// Says what makes the thread look at the state: nothing, if it is about to anyway.
    mutating func summon() -> EventLoop.Summons {
        if !isRunning {
            isRunning = true
            statistics.threads += 1
            return .start
        }
        guard isAsleep else { return .none }
        isAsleep = false
        statistics.wakeUps += 1
        return .wake(wakeUpDescriptor)
    }

    mutating func removeUser() {
        precondition(users > 0, "an event loop was closed more often than it was opened")
        users -= 1
    }
}
