import Logging
import Martlet
import ServiceLifecycle
import Synchronization

/// How the handlers of one consumer wait for their database while it is away.
///
/// A message is of no use without the database, and to give it back at once would wear out its deliveries within a second. So it
/// stays in hand, and the database is tried again. That is logged, once a minute at most, and so is that the database is back.
/// The component's health says it for as long as a message waits, by ``ComponentHealth/note``.
final class Patience: Sendable {
    private struct State {
        /// When it was last logged that the database is away.
        var toldAt: ContinuousClock.Instant?
        /// Whether that is the last that was logged.
        var isAway = false
        /// How often the database was tried in vain since it went away.
        var failures = 0
    }

    /// How often the handler of one message may lose the database. Each time the database was there before: it may be the
    /// message that costs it.
    private static let losses = 5

    private let consumer: String
    private let undoes: Bool
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - consumer: whose messages wait.
    ///   - undoes: whether all that a handler did is undone where it loses the database, so that it may be run again.
    init(of consumer: String, undoes: Bool, logger: Logger = Logger(label: "martlet")) {
        self.consumer = consumer
        self.undoes = undoes
        self.logger = logger
    }

    /// Runs a body, and again while the database is away.
    ///
    /// - Parameters:
    ///   - givesBack: whether what waits is a delivery that goes back to its queue where shutdown ends the waiting, however
    ///     often it was delivered before: the next program has it. Nothing of it was done, or all is undone.
    ///   - body: is called with what it calls once the database is there and its handler begins.
    /// - Throws: what the body throws. That the database is away, too, where the handler has lost it too often, and where what
    ///   it did is not undone. When shutdown begins, `CancellationError` for what goes back, which is how ``Consume`` knows
    ///   that nothing failed; otherwise that the database is away.
    func run<Result>(
        givesBack: Bool,
        _ body: (_ begin: @Sendable () -> Void) async throws -> Result
    ) async throws -> Result {
        let reporter = NodeContext.reporter
        let isNoted = Atomic(false)
        @Sendable func takeBackNote() {
            if isNoted.exchange(false, ordering: .relaxed) { reporter?.report(nil) }
        }
        defer { takeBackNote() }
        var delay = Duration.milliseconds(50)
        var losses = 0
        while true {
            let hasBegun = Atomic(false)
            do {
                let result = try await body {
                    hasBegun.store(true, ordering: .relaxed)
                    takeBackNote()
                }
                noteReturn()
                return result
            } catch let error as SQLError where error.isOfAbsence {
                if hasBegun.load(ordering: .relaxed) {
                    guard undoes else { throw error }
                    if error.mayBeOfMessage { losses += 1 }
                    if losses == Self.losses { throw error }
                }
                note(error)
                isNoted.store(true, ordering: .relaxed)
                reporter?.report("waits for its database: \(error)")
                if try await !pause(delay) {
                    if givesBack { throw CancellationError() }
                    throw error
                }
                delay = min(delay * 2, .seconds(5))
            }
        }
    }

    /// Waits before the next try.
    ///
    /// - Returns: whether there is to be one: not after shutdown has begun.
    private func pause(_ delay: Duration) async throws -> Bool {
        _ = try await untilShutdown { try await Task.sleep(for: delay) }
        return !Task.isShuttingDownGracefully
    }

    private func note(_ error: SQLError) {
        let failures: Int? = state.withLock { state in
            state.failures += 1
            if let last = state.toldAt, .now - last < .seconds(60) { return nil }
            (state.toldAt, state.isAway) = (.now, true)
            return state.failures
        }
        guard let failures else { return }
        logger.warning(
            "the database is away, and messages wait for it",
            metadata: ["consumer": "\(consumer)", "error": "\(error)", "failures": "\(failures)"]
        )
    }

    private func noteReturn() {
        let wasAway = state.withLock { state in
            defer { (state.isAway, state.failures) = (false, 0) }
            return state.isAway
        }
        if wasAway { logger.info("the database is back", metadata: ["consumer": "\(consumer)"]) }
    }
}

extension SQLError {
    /// Whether the database is away or has no room, which passes without a change on this side.
    var isOfAbsence: Bool {
        [.notConnected, .connectionLost, .commitUnknown, .outOfSpace, .timeout].contains(code)
    }

    /// Whether a message may cause it where the database is there: its handler takes longer than the server lets a transaction
    /// last, ends its link, waits for a lock or for another database, or asks for more memory than there is. A full disk is
    /// full for all. PostgreSQL says 53200 where memory is lacking, SQLite 7.
    fileprivate var mayBeOfMessage: Bool { code != .outOfSpace || state == "53200" || state == "7" }
}
