import DequeModule
import Martlet
import Synchronization

/// What the loop's thread does.
extension EventLoop {
    /// The most jobs that run before descriptors are looked at again.
    private static var batchLimit: Int { 256 }
    /// After how many jobs in one batch the queue's storage is given back.
    private static var largeBatch: Int { 4_096 }

    /// Runs until the loop is no longer needed.
    ///
    /// - Returns: who is to be told when the thread ends.
    func run() -> [CheckedContinuation<Farewell?, Never>] {
        owner.store(SystemThread.current.id, ordering: .relaxed)
        while true {
            runJobs()
            fireTimers()
            if let timeout = timeUntilNeeded() {
                rest(timeout)
            } else if let closers = end() {
                return closers
            }
        }
    }

    private func runJobs() {
        let executor = asUnownedSerialExecutor()
        let taskExecutor = asUnownedTaskExecutor()
        for _ in 0..<Self.batchLimit {
            if body.batch.isEmpty, !takeBatch() { return }
            switch body.batch.popFirst() {
            case .actorJob(let job): job.runSynchronously(on: executor)
            case .taskJob(let job): job.runSynchronously(on: taskExecutor)
            case .work(let work): work()
            case nil: break
            }
        }
    }

    /// Takes what waits in the queue. One job often makes the next: to look at descriptors between them would cost more
    /// than they do.
    ///
    /// - Returns: whether there was anything.
    private func takeBatch() -> Bool {
        // What a flood needed is given back after it.
        if body.batchSize > Self.largeBatch { body.batch = [] }
        state.withLock { swap(&$0.queue, &body.batch) }
        body.batchSize = body.batch.count
        return body.batchSize > 0
    }

    /// Fires the timers that are due, without those that are scheduled meanwhile.
    private func fireTimers() {
        guard body.timers.count > 0 else { return }
        let now = ContinuousClock.now
        let next = body.timers.nextNumber
        for _ in 0..<Self.batchLimit {
            guard let timer = body.timers.popDue(at: now, before: next) else { return }
            timer.end()?()
        }
    }

    // MARK: Sleep

    private enum Need {
        case now
        case later
        case never
    }

    /// For how many milliseconds there is nothing to do but to wait for descriptors; negative for ever. If the thread
    /// may sleep it is marked so, and whoever has something for it wakes it.
    ///
    /// - Returns: `nil` if the thread is not needed any more.
    private func timeUntilNeeded() -> CInt? {
        guard body.batch.isEmpty else { return 0 }
        let timeout = timeUntilTimer()
        while true {
            let pipe = body.pipe
            let need: Need = state.withLock { state in
                if !state.queue.isEmpty { return .now }
                if state.users == 0 { return .never }
                guard timeout != 0 else { return .now }
                if let pipe {
                    state.isAsleep = true
                    state.wakeUpDescriptor = pipe.writeEnd
                    state.statistics.sleeps += 1
                }
                return .later
            }
            switch need {
            case .now:
                return 0
            case .never:
                return nil
            case .later where pipe != nil:
                body.isMarkedAsleep = true
                return timeout
            case .later:
                body.pipe = body.openPipe()
                // Out of descriptors: it goes on without being woken, and looks by itself.
                if body.pipe == nil { return timeout < 0 ? 10 : min(timeout, 10) }
            }
        }
    }

    /// In milliseconds, rounded up, so that nothing is early; negative if there is no timer.
    private func timeUntilTimer() -> CInt {
        guard body.timers.count > 0, let time = body.timers.nextTime() else { return -1 }
        return CInt(min(max(0, ContinuousClock.now.duration(to: time).wholeMilliseconds), Int64(CInt.max)))
    }

    /// Waits for descriptors, and calls the handlers of those that are ready.
    private func rest(_ timeout: CInt) {
        // With nothing to watch and no time to wait, there is nothing to ask the system for.
        if timeout == 0, body.watches.count == 0 { return }
        if body.pauses {
            body.pauses = false
            // Whoever waits is not kept waiting.
            if timeout != 0 { SystemThread.pause() }
        }
        let ready = body.watches.poll(wakeUp: body.pipe?.readEnd ?? -1, timeout: timeout)
        awake(drain: ready > 0 && body.watches.wasWoken)
        if ready > 0 { callHandlers() }
    }

    /// Says that nobody has to wake the thread any more.
    private func awake(drain: Bool) {
        if drain, let pipe = body.pipe { body.owedBytes -= pipe.drain() }
        guard body.isMarkedAsleep else { return }
        body.isMarkedAsleep = false
        let wasPromised = state.withLock { state in
            defer { state.isAsleep = false }
            return !state.isAsleep
        }
        if wasPromised { body.owedBytes += 1 }
    }

    private func callHandlers() {
        // What handlers add comes behind this, and has not been polled yet.
        let end = body.watches.endSlot
        for slot in 1..<end {
            guard let (watch, readiness) = body.watches.takeReady(slot) else { continue }
            switch readiness {
            case .ready(let interest): watch.ready(for: interest)
            case .vanished: watch.descriptorVanished()
            }
        }
    }

    // MARK: The end

    /// Lets go of everything.
    ///
    /// - Returns: who is to be told; `nil` if the loop is needed after all.
    private func end() -> [CheckedContinuation<Farewell?, Never>]? {
        // What these held may itself do something when it goes: so one by one, with nothing half done.
        for watch in body.watches.all { watch.cancel() }
        for timer in body.timers.removeAll() { _ = timer.end() }
        if let pipe = body.pipe {
            // Whoever has promised to wake this thread is about to do so, and the descriptor must be open then. After
            // that nobody promises again: the thread is not marked asleep.
            while body.owedBytes > 0 {
                pipe.waitForByte()
                body.owedBytes -= pipe.drain()
            }
            pipe.close()
            body.pipe = nil
        }
        return state.withLock { state in
            guard state.queue.isEmpty, state.users == 0, body.watches.count == 0, body.timers.count == 0 else {
                return nil
            }
            state.isRunning = false
            state.wakeUpDescriptor = -1
            // Within the lock: the next thread may set its own right after.
            owner.store(0, ordering: .relaxed)
            defer { state.closers = [] }
            return state.closers
        }
    }
}
