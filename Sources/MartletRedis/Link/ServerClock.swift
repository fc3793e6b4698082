import Martlet
import Synchronization

/// The server's clock, by which messages expire: those of two machines need not agree.
///
/// It is read over the network, and so known only up to half the time that this took. What may not have expired yet by
/// all that is known has not.
final class ServerClock: Sendable {
    private struct Reading {
        /// By how many nanoseconds it is ahead of this machine's, and by how many that may be wrong.
        var offset: Int64 = 0
        var uncertainty: Int64 = .max / 4
    }

    private let reading = Mutex(Reading())

    /// By how much it may be wrong.
    var uncertainty: Duration { .nanoseconds(reading.withLock { $0.uncertainty }) }

    /// When something expires that is to last for a time: nanoseconds since 1970.
    func end(of duration: Duration) -> Int64 {
        let reading = reading.withLock { $0 }
        let known = min(reading.uncertainty, Self.usable)
        return WallClock.nanoseconds &+ reading.offset &+ known &+ duration.capped.wholeNanoseconds
    }

    /// Whether that time is over.
    func isOver(_ end: Int64) -> Bool {
        let reading = reading.withLock { $0 }
        // One that is not known tells nothing.
        guard reading.uncertainty < Self.usable else { return false }
        return end <= WallClock.nanoseconds &+ reading.offset &- reading.uncertainty
    }

    private static let usable: Int64 = 60_000_000_000

    /// The server has answered TIME, seconds and microseconds, to a question of an earlier time of this machine's.
    /// The quickest answer counts, until the link is made anew.
    func set(_ reply: RedisValue, asked: Int64, answered: Int64) {
        guard let parts = reply.array, parts.count == 2, let seconds = parts[0].integer, let micros = parts[1].integer,
            (0..<9_000_000_000).contains(seconds), (0..<1_000_000).contains(micros), answered >= asked
        else { return }
        // The time may have passed before the server looked or afterwards, and it tells whole microseconds.
        let uncertainty = (answered - asked) / 2 + 1_000
        let now = Int64(clamping: seconds).multipliedReportingOverflow(by: 1_000_000_000)
        guard !now.overflow else { return }
        let offset = now.partialValue &+ Int64(micros) * 1_000 &- (asked + (answered - asked) / 2)
        reading.withLock { reading in
            if uncertainty < reading.uncertainty { reading = Reading(offset: offset, uncertainty: uncertainty) }
        }
    }

    /// What was known may not hold for the server that answers now.
    func forget() {
        reading.withLock { $0 = Reading() }
    }
}
