import Martlet
import Synchronization

/// One direction of a link that carries so many bytes a second: a message has passed when it and all those before it have.
final class Line: Sendable {
    private let bandwidth: Int
    private let timers: Timers
    private let freeAt = Mutex(Duration.zero)

    /// - Parameter bandwidth: bytes a second.
    init(bandwidth: Int, timers: Timers) {
        self.bandwidth = bandwidth
        self.timers = timers
    }

    /// Puts a message on the line.
    ///
    /// - Returns: when it has passed, which is later than for any message before it.
    func take(_ message: Message) -> Duration {
        let bytes = message.headers.reduce(message.body.count) { $0 + $1.name.utf8.count }
        // None takes less than a nanosecond, so that they stay in order.
        let time = max(.nanoseconds(1), .seconds(1) * (Double(bytes) / Double(bandwidth)))
        return freeAt.withLock { freeAt in
            freeAt = max(freeAt, timers.now) + time
            return freeAt
        }
    }

    /// Waits until a message has passed.
    ///
    /// - Throws: `CancellationError`. The message takes its place on the line all the same.
    func carry(_ message: Message) async throws { try await timers.sleep(until: take(message)) }
}
