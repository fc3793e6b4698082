import Logging
import ServiceLifecycle

/// Runs components, and does with those that fail what their policies say.
struct Supervisor: Sendable {
    let connection: any Connection
    let logger: Logger
    let status: Watched<NodeStatus>

    /// Runs components until all have ended, or until one has failed in a way that concerns the others.
    func run(_ members: [Member]) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for member in members {
                // Handlers run in these tasks, on the global pool. A preference for another executor, such as the
                // connection's own loop, would be given here.
                group.addTask { try await run(member) }
            }
        }
    }

    private func run(_ member: Member) async throws {
        let context = NodeContext(member, self)
        var restarts = Restarts(member.component.failurePolicy.backoff)
        var reconnects = Restarts(Backoff())
        while true {
            context.set(member.component.reportsReadiness ? .starting : .running)
            let began = context.timers.now
            do {
                try await member.component.run(in: context)
                return context.set(.ended)
            } catch {
                if Task.isCancelled {
                    context.set(.ended)
                    throw CancellationError()
                }
                if Task.isShuttingDownGracefully { return end(context, with: error) }
                let run = context.timers.now - began
                if isWaitingForLink(member, error) {
                    guard try await waitForLink(reconnects.delay(afterRunOf: run), context) else {
                        return context.set(.ended)
                    }
                    continue
                }
                if case .end = member.component.failurePolicy {
                    context.logger.error("the component failed and ends", metadata: ["error": "\(error)"])
                    return context.fail(error, .failed)
                }
                guard let delay = restarts.delay(afterRunOf: run) else {
                    context.logger.error("the component failed and is not run again", metadata: ["error": "\(error)"])
                    context.fail(error, .failed)
                    throw error
                }
                context.logger.warning(
                    "the component failed and is run again",
                    metadata: ["error": "\(error)", "delay": "\(delay)"]
                )
                context.fail(error, .restarting)
                guard try await context.pauseBeforeRestart(delay) else { return context.set(.ended) }
            }
        }
    }

    /// A failure while shutting down is nobody else's business: the others finish what they have in hand.
    private func end(_ context: NodeContext, with error: any Error) {
        if error is CancellationError { return context.set(.ended) }
        context.logger.warning("the component failed while shutting down", metadata: ["error": "\(error)"])
        context.fail(error, .failed)
    }

    // MARK: The link

    /// A component that could not be opened because there is no link has not failed: it is opened when there is one.
    private func isWaitingForLink(_ member: Member, _ error: any Error) -> Bool {
        status.value.components[member.index].health.state == .starting
            && (error as? MessagingError)?.code == .notConnected
    }

    /// - Parameter delay: how long to wait beyond that, so that a link that comes and goes keeps nobody busy.
    /// - Returns: whether to go on; `false` if shutdown began meanwhile.
    private func waitForLink(_ delay: Duration?, _ context: NodeContext) async throws -> Bool {
        context.logger.info("the component waits for the connection's link")
        do {
            try await cancelWhenGracefulShutdown { [connection] in
                try await connection.runtime.waitUntilConnected(within: nil)
            }
        } catch is CancellationError where !Task.isCancelled {
            return false
        }
        return try await Pause.until(context.timers.now + (delay ?? .zero), context.timers) == .over
    }
}

extension FailurePolicy {
    /// What a component's restarts are counted by; without restarts, one that has no attempts.
    fileprivate var backoff: Backoff {
        if case .restart(let backoff) = self { return backoff }
        return Backoff(attempts: 0)
    }
}
