/// How long something may wait, by a connection's clock.
@usableFromInline
package struct WaitLimit: Sendable {
    @usableFromInline package let duration: Duration
    @usableFromInline package let timers: Timers

    package init(_ duration: Duration, of timers: Timers) {
        self.duration = duration
        self.timers = timers
    }

    /// - Returns: `nil` if there is no limit.
    package init?(_ duration: Duration?, of timers: Timers) {
        guard let duration else { return nil }
        self.duration = duration
        self.timers = timers
    }

    /// Has the wait ended when the time is over.
    func schedule(_ end: @escaping @Sendable (_ error: MessagingError) -> Void) -> Timers.ID {
        timers.schedule(at: timers.now + duration.capped) { [duration] in
            end(MessagingError(.timeout, "there was no room for the message within \(duration)"))
        }
    }
}
