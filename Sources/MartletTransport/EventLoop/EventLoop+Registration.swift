import Martlet

extension EventLoop {
    /// Watches a descriptor. Only on the loop's thread, from code that is isolated to an actor of this loop.
    ///
    /// - Parameters:
    ///   - descriptor: an open descriptor, which the caller closes after he has cancelled the watch.
    ///   - interest: what to wait for; may be changed later.
    ///   - ready: called on the loop's thread once a round for as long as the descriptor is ready for what is wanted,
    ///     with what it is ready for. An error or a hang-up is reported as all that was asked for. If the descriptor
    ///     is closed while it is watched, that is called a last time with all that was asked for, cancelled already.
    ///     It must not block, and does a bounded amount.
    /// - Returns: the watch. On a loop that nobody holds open it ends when the jobs that wait are done.
    package func watch(
        _ descriptor: CInt,
        for interest: Interest,
        _ ready: @escaping (Interest) -> Void
    ) -> Watch {
        preconditionCurrent()
        let watch = Watch(descriptor, interest, on: self, ready)
        body.watches.insert(watch, interest)
        return watch
    }

    /// Lets what comes come together: if nothing else is to be done the thread sleeps for as short a time as the system can,
    /// once, before it looks at descriptors again. Only on the loop's thread.
    package func pause() {
        preconditionCurrent()
        body.pauses = true
    }

    /// Does something on the loop's thread at a time, or up to a millisecond later; those of one time in the order
    /// in which they were scheduled. Only on the loop's thread, from code that is isolated to an actor of this loop.
    ///
    /// - Returns: the timer. On a loop that nobody holds open it ends when the jobs that wait are done.
    @discardableResult
    package func schedule(at time: ContinuousClock.Instant, _ action: @escaping () -> Void) -> Timer {
        preconditionCurrent()
        let timer = Timer(on: self, action)
        body.timers.insert(timer, at: time)
        return timer
    }

    /// Does something on the loop's thread after a while; see ``schedule(at:_:)``.
    @discardableResult
    package func schedule(after delay: Duration, _ action: @escaping () -> Void) -> Timer {
        schedule(at: .now.advanced(by: delay.capped), action)
    }

    /// How many timers are kept, cancelled ones that are not yet forgotten among them. Only on the loop's thread.
    package var scheduledTimers: Int {
        preconditionCurrent()
        return body.timers.count
    }
}
