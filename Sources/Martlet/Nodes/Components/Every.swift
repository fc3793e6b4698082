import Logging
import Synchronization

/// A component that does something at a fixed interval: at once when the node starts, and at each whole multiple of
/// the interval from there.
///
/// ```swift
/// let sampling = Every(.milliseconds(100)) { try await sample() }
/// // … sampling.statistics, at any time
/// ```
///
/// Time is monotonic and does not drift: a run that is late does not delay the ticks after it. Runs never overlap: a
/// tick that comes while the body is still running is skipped, and counted. A body that returns ``Tick/stop`` ends
/// the loop, one that returns ``Tick/pause(_:)`` leaves out some ticks. What it throws is the component's failure;
/// restarted, the loop counts its ticks from there. When the node stops, a run that has begun is finished.
public struct Every: Component {
    /// The figures that all copies of the component share.
    private final class Figures: Sendable {
        let timing = Mutex(TimingStatistics())
    }

    /// `Every` and the interval.
    public let name: String
    /// The time from one tick to the next.
    public let interval: Duration
    private let reportingInterval: Duration?
    private let body: @Sendable () async throws -> Tick
    private let figures = Figures()

    /// A loop that may end itself.
    ///
    /// - Parameters:
    ///   - interval: the time from one tick to the next.
    ///   - reportingInterval: how often the timing statistics are logged; `nil`: never. By default every ten minutes.
    ///   - body: runs at each tick; returns whether it is to run again.
    @_disfavoredOverload  // A closure of several statements that returns nothing fits both initializers otherwise.
    public init(
        _ interval: Duration,
        reportingInterval: Duration? = .seconds(600),
        _ body: @escaping @Sendable () async throws -> Tick
    ) {
        name = "Every \(interval)"
        self.interval = interval
        self.reportingInterval = reportingInterval
        self.body = body
    }

    /// A loop that goes on for as long as the node.
    ///
    /// - Parameters:
    ///   - interval: the time from one tick to the next.
    ///   - reportingInterval: how often the timing statistics are logged; `nil`: never. By default every ten minutes.
    ///   - body: runs at each tick.
    public init(
        _ interval: Duration,
        reportingInterval: Duration? = .seconds(600),
        _ body: @escaping @Sendable () async throws -> Void
    ) {
        self.init(interval, reportingInterval: reportingInterval) { () async throws -> Tick in
            try await body()
            return .again
        }
    }

    /// How long its runs took, since the component was made.
    public var statistics: TimingStatistics { figures.timing.withLock { $0 } }

    /// Checks the intervals.
    public func validate() throws {
        for (key, interval) in [("interval", interval), ("reporting interval", reportingInterval)] {
            guard let interval, interval <= .zero else { continue }
            throw MessagingError(.invalidArgument, "the \(key) of a timed loop is \(interval); it must be positive")
        }
    }

    /// Runs the body at each tick until it wants no more or the node stops.
    public func run(in context: NodeContext) async throws {
        let timers = context.timers
        var schedule = TickSchedule(start: timers.now, interval: interval)
        var lastReport = schedule.start
        while try await Pause.until(schedule.time, timers) == .over {
            let (tick, run) = try await context.inTurn {
                let began = timers.now
                return (try await body(), timers.now - began)
            }
            let ended = timers.now
            var skipped = 0
            switch tick {
            case .again: skipped = schedule.advance(at: ended)
            case .pause(let pause): _ = schedule.advance(at: ended + max(pause, .zero).capped)
            case .stop: break
            }
            figures.timing.withLock { timing in
                timing.record(run)
                timing.skip(skipped)
            }
            if let reportingInterval, ended - lastReport >= reportingInterval {
                lastReport = ended
                context.logger.info("timing", metadata: ["statistics": "\(statistics)"])
            }
            if tick == .stop { return }
        }
    }
}

/// Whether the body of a timed loop runs again.
public enum Tick: Sendable, Hashable {
    /// It runs again at the next tick.
    case again
    /// It runs again at the first tick after so much time. The ticks until then do not count as skipped.
    case pause(Duration)
    /// The loop ends.
    case stop
}
