import Martlet
import Synchronization

/// The server's clock, by which messages expire: those of two machines need not agree.
final class ServerClock: Sendable {
    /// By how many nanoseconds it is ahead of this machine's.
    private let offset = Atomic<Int64>(0)

    /// Nanoseconds since 1970, as far as the server told.
    var nanoseconds: Int64 { WallClock.nanoseconds &+ offset.load(ordering: .relaxed) }

    /// The server has answered TIME: seconds and microseconds.
    func set(_ reply: RedisValue) {
        guard let parts = reply.array, parts.count == 2, let seconds = parts[0].integer, let micros = parts[1].integer,
            (0..<10_000_000_000).contains(seconds), (0..<1_000_000).contains(micros)
        else { return }
        let now = Int64(seconds) * 1_000_000_000 + Int64(micros) * 1_000
        offset.store(now - WallClock.nanoseconds, ordering: .relaxed)
    }
}
