import Martlet
import Synchronization

/// The server's clock, by which messages expire: those of two machines need not agree.
///
/// It is read over the network, and so known only up to half the time that this took. What may not have expired yet by
/// all that is known has not. Between two readings it goes by a clock that does not step, whatever becomes of this
/// machine's time of day.
final class ServerClock: Sendable {
    /// Nanoseconds, each from a start of its own.
    struct Source: Sendable {
        /// Of a clock that does not step.
        let steady: @Sendable () -> Int64
        /// The time of day: nanoseconds since 1970.
        let wall: @Sendable () -> Int64

        static let system: Source = {
            let start = ContinuousClock.now
            return Source {
                (ContinuousClock.now - start).wholeNanoseconds
            } wall: {
                WallClock.nanoseconds
            }
        }()
    }

    private struct Reading {
        /// What is to be added to the steady clock, and by how much that may be wrong.
        let offset: Int64
        let uncertainty: Int64
        /// By the steady clock.
        let time: Int64
    }

    private let source: Source
    private let reading = Mutex<Reading?>(nil)

    init(_ source: Source = .system) {
        self.source = source
    }

    /// By the clock that does not step.
    var steady: Int64 { source.steady() }

    /// By how much it may be wrong now; `nil` if nothing is known.
    var uncertainty: Duration? {
        reading.withLock { $0 }.map { .nanoseconds(Self.uncertainty(of: $0, at: steady)) }
    }

    /// When something expires that is to last for a time: nanoseconds since 1970.
    func end(of duration: Duration) -> Int64 {
        let now = steady
        let length = duration.capped.wholeNanoseconds
        guard let reading = reading.withLock({ $0 }) else { return source.wall() &+ Self.usable &+ length }
        let known = min(Self.uncertainty(of: reading, at: now), Self.usable)
        return now &+ reading.offset &+ known &+ length
    }

    /// Whether that time is over.
    func isOver(_ end: Int64) -> Bool {
        let now = steady
        // One that is not known tells nothing.
        guard let reading = reading.withLock({ $0 }) else { return false }
        let uncertainty = Self.uncertainty(of: reading, at: now)
        guard uncertainty < Self.usable else { return false }
        return end <= now &+ reading.offset &- uncertainty
    }

    private static let usable: Int64 = 60_000_000_000

    /// Two clocks drift apart: by less than 200 millionths, or they are broken.
    private static func uncertainty(of reading: Reading, at now: Int64) -> Int64 {
        reading.uncertainty + max(0, now - reading.time) / 5_000
    }

    /// The server has answered TIME, seconds and microseconds, to a question of an earlier time of the steady clock.
    ///
    /// The closer reading counts; but where the two can't both be right, the server's clock was set, and the new one does.
    func set(_ reply: RedisValue, asked: Int64, answered: Int64) {
        guard let parts = reply.array, parts.count == 2, let seconds = parts[0].integer, let micros = parts[1].integer,
            (0..<9_000_000_000).contains(seconds), (0..<1_000_000).contains(micros), answered >= asked
        else { return }
        // The time may have passed before the server looked or afterwards, and it tells whole microseconds.
        let uncertainty = (answered - asked) / 2 + 1_000
        let now = Int64(seconds) * 1_000_000_000 + Int64(micros) * 1_000
        let offset = now - (asked + (answered - asked) / 2)
        let new = Reading(offset: offset, uncertainty: uncertainty, time: answered)
        reading.withLock { reading in
            if let old = reading {
                let known = Self.uncertainty(of: old, at: answered)
                guard uncertainty <= known || abs(old.offset - offset) > known + uncertainty else { return }
            }
            reading = new
        }
    }

    /// What was known may not hold for the server that answers now.
    func forget() {
        reading.withLock { $0 = nil }
    }
}
