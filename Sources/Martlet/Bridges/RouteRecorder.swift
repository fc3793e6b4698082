import Logging
import Synchronization

/// Keeps a route's figures, its memory of messages, and the times of its log entries, for as long as its bridge runs:
/// also when the route has to begin again.
final class RouteRecorder: Sendable {
    private struct State {
        var statistics = RouteStatistics()
        var lastLogged: [String: Duration] = [:]
        var memory: ForwardMemory?
        /// While the route runs.
        var source: Subscription?
    }

    private let state = Mutex(State())

    var statistics: RouteStatistics {
        state.withLock { state in
            var statistics = state.statistics
            statistics.overflowed += state.source?.dropped ?? 0
            return statistics
        }
    }

    /// The route reads a subscription, whose drops count, until it is over.
    func reads(_ source: Subscription?) {
        // It goes outside the lock: it unsubscribes when it does.
        let former = state.withLock { state in
            let former = state.source
            state.statistics.overflowed += former?.dropped ?? 0
            state.source = source
            return former
        }
        withExtendedLifetime(former) {}
    }

    func update(_ change: (inout RouteStatistics) -> Void) {
        state.withLock { change(&$0.statistics) }
    }

    /// A message has come in and is under way.
    func begins() {
        update { statistics in
            statistics.received += 1
            statistics.inFlight += 1
        }
    }

    /// Whether something is to be logged that was not in the last minute.
    func isDue(_ subject: String, at now: Duration) -> Bool {
        state.withLock { state in
            if let last = state.lastLogged[subject], now - last < .seconds(60) { return false }
            state.lastLogged[subject] = now
            return true
        }
    }

    /// The route's memory of messages. Nothing is under way when the route begins again.
    func memory(_ options: RouteOptions) -> ForwardMemory {
        state.withLock { state in
            let memory = state.memory ?? ForwardMemory(options)
            state.memory = memory
            memory.restart()
            state.statistics.inFlight = 0
            return memory
        }
    }
}
