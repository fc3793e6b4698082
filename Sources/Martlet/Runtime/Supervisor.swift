import Logging
import ServiceLifecycle

/// Runs parts, and runs those that fail again as their policies say.
struct Supervisor: Sendable {
    /// The word for a part in the log: component or route.
    let noun: String
    let logger: Logger
    let timers: Timers
    let status: Watched<RunnerStatus>

    /// Runs parts until all have ended, or until one has failed in a way that concerns the others.
    func run(_ parts: [Part]) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for part in parts {
                // Handlers run in these tasks, on the global pool. A preference for another executor, such as the
                // connection's own loop, would be given here.
                group.addTask { try await run(part) }
            }
        }
    }

    private func run(_ part: Part) async throws {
        let context = PartContext(part, self)
        let random = part.links.needed.runtime.random
        var restarts = Restarts(part.failurePolicy.backoff, random)
        var reconnects = Restarts(Backoff(), random)
        while true {
            context.set(part.reportsReadiness ? .starting : .running)
            let began = timers.now
            do {
                try await part.run(context)
                return context.set(.ended)
            } catch {
                if Task.isCancelled {
                    context.set(.ended)
                    throw CancellationError()
                }
                if Task.isShuttingDownGracefully { return end(context, with: error) }
                let run = timers.now - began
                if isForWantOfLink(error, context) {
                    context.logger.info("the \(noun) waits for a link", metadata: ["error": "\(error)"])
                    guard try await waitForLinks(of: part, reconnects.delay(afterRunOf: run) ?? .zero) else {
                        return context.set(.ended)
                    }
                    continue
                }
                if case .end = part.failurePolicy {
                    context.logger.error("the \(noun) failed and ends", metadata: ["error": "\(error)"])
                    return context.fail(error, .failed)
                }
                guard let delay = restarts.delay(afterRunOf: run) else {
                    context.logger.error("the \(noun) failed and is not run again", metadata: ["error": "\(error)"])
                    context.fail(error, .failed)
                    throw error
                }
                context.logger.warning(
                    "the \(noun) failed and is run again",
                    metadata: ["error": "\(error)", "delay": "\(delay)"]
                )
                context.fail(error, .restarting)
                guard try await context.pauseBeforeRestart(delay) else { return context.set(.ended) }
            }
        }
    }

    /// A failure while shutting down does not concern the others: they finish their work in hand.
    private func end(_ context: PartContext, with error: any Error) {
        if error is CancellationError { return context.set(.ended) }
        context.logger.warning("the \(noun) failed while shutting down", metadata: ["error": "\(error)"])
        context.fail(error, .failed)
    }

    // MARK: Links

    /// A part that could not be opened because there is no link has not failed: it is opened when there is one.
    private func isForWantOfLink(_ error: any Error, _ context: PartContext) -> Bool {
        let code = (error as? MessagingError)?.code
        if context.part.links.outlastsLoss { return code == .notConnected || code == .connectionLost }
        return code == .notConnected && context.state == .starting
    }

    /// Waits for a part's links.
    ///
    /// - Parameter delay: how long it waits beyond that, so that a link that comes and goes keeps nobody busy.
    /// - Returns: whether to go on; `false` if shutdown began meanwhile.
    private func waitForLinks(of part: Part, _ delay: Duration) async throws -> Bool {
        try await untilShutdown {
            try await part.links.needed.runtime.waitUntilConnected(within: nil)
            guard let wanted = part.links.wanted?.runtime, wanted.states.state != .connected else {
                return try await timers.sleep(for: delay)
            }
            do {
                try await wanted.waitUntilConnected(within: delay)
            } catch let error as MessagingError where error.code == .timeout {}
        } != nil
    }
}

extension FailurePolicy {
    /// The back-off of a part's restarts; without restarts, one that has no attempts.
    fileprivate var backoff: Backoff {
        if case .restart(let backoff) = self { return backoff }
        return Backoff(attempts: 0)
    }
}
