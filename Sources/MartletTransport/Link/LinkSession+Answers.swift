package import Martlet

/// How far what was given to a link has come.
package struct LinkTraffic: Sendable {
    /// How many bytes were written, or wait to be.
    let given: Int
    /// How many of them have arrived at the peer's system.
    let arrived: Int

    package init(given: Int = 0, arrived: Int = 0) {
        self.given = given
        self.arrived = arrived
    }
}

/// Waiting for what the peer answers.
extension LinkSession {
    package var traffic: LinkTraffic { LinkTraffic() }

    /// The answer to a question that was just put behind what is written. Its time counts anew as long as the question is on its
    /// way, and what was written before it goes on arriving.
    ///
    /// - Parameters:
    ///   - limit: how long the peer may take.
    ///   - deadline: when the wait is over in any case, by the connection's clock.
    ///   - error: what is thrown then.
    package func answer<Answer: Sendable>(
        _ promise: Promise<Answer>,
        within limit: Duration,
        until deadline: Duration? = nil,
        or error: @escaping @Sendable @autoclosure () -> MessagingError
    ) async throws -> Answer {
        if let ended = promise.ended { return try ended.get() }
        let wait = AnswerWait(limit, until: deadline, traffic, now: runtime.timers.now)
        let timer = watch(promise, wait, error)
        defer { runtime.timers.cancel(timer) }
        return try await promise.value()
    }

    /// - Returns: the timer of the first look; a later one finds by itself that nobody waits any more.
    @discardableResult
    private func watch<Answer: Sendable>(
        _ promise: Promise<Answer>,
        _ wait: AnswerWait,
        _ error: @escaping @Sendable () -> MessagingError
    ) -> Timers.ID {
        later(at: wait.next(runtime.timers.now)) { session in
            guard !promise.hasEnded else { return }
            var wait = wait
            if wait.isOver(arrived: session.traffic.arrived, session.runtime.timers.now) {
                promise.end(.failure(error()))
            } else {
                session.watch(promise, wait, error)
            }
        }
    }
}
