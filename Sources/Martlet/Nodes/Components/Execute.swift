import Logging
import ServiceLifecycle

/// A component that executes code of your own, and again when it ends.
///
/// ```swift
/// Execute("camera") { try await camera.stream(to: frames) }
/// Execute("migration", restart: .never) { try await migrate() }
/// ```
///
/// Between two runs the back-off's delay passes, also when the code ends without an error: code that ends at once
/// keeps nobody busy. Code that has run for longer than the longest delay counts its attempts anew. When no attempt is
/// left, code that threw is the component's failure, and code that did not just ends.
public struct Execute: Component {
    /// When the code is executed again.
    public enum Restart: Sendable, Hashable {
        /// Whenever it ends.
        case always
        /// When it throws.
        case onFailure
        /// Never: when it returns the component ends, and when it throws the component fails.
        case never
    }

    /// How code ends that runs when the node is to stop.
    public enum Shutdown: Sendable, Hashable {
        /// Its task is cancelled: right for code that would go on for ever.
        case cancel
        /// It may finish, within the node's drain limit. `withGracefulShutdownHandler` of ServiceLifecycle tells it.
        case finish
    }

    /// What it is called.
    public let name: String
    private let restart: Restart
    private let backoff: Backoff
    private let atShutdown: Shutdown
    private let body: @Sendable () async throws -> Void

    /// - Parameters:
    ///   - name: what it is called in logs and health.
    ///   - restart: when the code is executed again; by default whenever it ends.
    ///   - backoff: the delays before that; by default from 100 ms up to 30 s, without end.
    ///   - atShutdown: how it ends when the node is to stop; by default it is cancelled.
    ///   - body: the code. Its task is cancelled when the node is to stop, unless `atShutdown` says otherwise.
    public init(
        _ name: String = "Execute",
        restart: Restart = .always,
        backoff: Backoff = Backoff(),
        atShutdown: Shutdown = .cancel,
        _ body: @escaping @Sendable () async throws -> Void
    ) {
        self.name = name
        self.restart = restart
        self.backoff = backoff
        self.atShutdown = atShutdown
        self.body = body
    }

    /// Executes the code until it is not to be restarted or the node stops.
    public func run(in context: NodeContext) async throws {
        var restarts = Restarts(backoff, context.connection.runtime.random)
        while true {
            let began = context.timers.now
            var failure: (any Error)?
            do {
                try await execute()
            } catch {
                try Task.checkCancellation()
                if Task.isShuttingDownGracefully { throw error }
                failure = error
            }
            if Task.isShuttingDownGracefully { return }
            let isRestarted = restart == .always || (restart == .onFailure && failure != nil)
            guard isRestarted, let delay = restarts.delay(afterRunOf: context.timers.now - began) else {
                if let failure { throw failure }
                return
            }
            if let failure {
                context.part.fail(failure, .restarting)
                context.logger.warning(
                    "the code failed and is executed again",
                    metadata: ["error": "\(failure)", "delay": "\(delay)"]
                )
            }
            guard try await context.part.pauseBeforeRestart(delay) else { return }
            context.part.set(.running)
        }
    }

    private func execute() async throws {
        switch atShutdown {
        case .finish: try await body()
        case .cancel: try await cancelWhenGracefulShutdown(body)
        }
    }
}
