import ServiceLifecycle

/// How a component waits: until a time, or until it is to stop.
enum Pause {
    /// The time has come.
    case over
    /// Graceful shutdown of this task has begun.
    case shuttingDown

    /// Waits until a time on a connection's timeline.
    ///
    /// - Throws: `CancellationError`.
    static func until(_ time: Duration, _ timers: Timers) async throws -> Pause {
        let signal = Promise<Pause>()
        let timer = timers.schedule(at: time) { signal.end(.success(.over)) }
        defer { timers.cancel(timer) }
        return try await withGracefulShutdownHandler {
            try await signal.value()
        } onGracefulShutdown: {
            signal.end(.success(.shuttingDown))
        }
    }
}
