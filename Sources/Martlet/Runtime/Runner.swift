import Logging
import ServiceLifecycle

/// Runs parts, once: the life that nodes and bridges have in common.
///
/// It runs once, as a task group: nothing runs before ``run(_:endsWithItsParts:beside:began:ended:)`` or is left when
/// that has returned. Parts that fail are run again as their policies say. Its parts can be stopped and started. When
/// graceful shutdown begins no part takes on anything new, and work in hand is finished within the drain limit.
final class Runner: Sendable {
    /// Its kind in the log and in errors: node or bridge.
    private let kind: String
    private let name: String
    private let supervisor: Supervisor
    /// The connections without which it can't go on once they are closed.
    private let connections: [any Connection]
    private let drainLimit: Duration

    /// - Parameters:
    ///   - noun: the word for a part in the log.
    ///   - parts: those that health lists before it is run.
    init(
        _ kind: String,
        _ name: String,
        of noun: String,
        parts: PartList = PartList([]),
        on connections: [any Connection],
        timers: Timers,
        drainLimit: Duration,
        logger: Logger
    ) {
        self.kind = kind
        self.name = name
        self.connections = connections
        self.drainLimit = drainLimit
        let lifecycle = Lifecycle(of: kind, at: WallClock.nanoseconds)
        supervisor = Supervisor(
            noun: noun,
            logger: logger,
            timers: timers,
            status: Watched(RunnerStatus(lifecycle: lifecycle, parts: parts.records))
        )
    }

    var logger: Logger { supervisor.logger }
    private var status: Watched<RunnerStatus> { supervisor.status }
    private var timers: Timers { supervisor.timers }

    /// How it and its parts are.
    var current: RunnerStatus { status.value }

    // MARK: Running

    /// Runs the parts, once; returns or throws when everything has ended.
    ///
    /// - Parameters:
    ///   - endsWithItsParts: whether it ends when all parts have ended by themselves. Otherwise it stays, and they can
    ///     be stopped and started.
    ///   - tasks: they run beside the parts, and end everything when they throw.
    ///   - began: called when it has not been run before.
    ///   - ended: called when everything has ended.
    /// - Throws: before anything runs, ``MessagingError/Code/alreadyRunning`` if it runs already or has run; the error
    ///   of a part whose policy does not allow for it; ``MessagingError/Code/connectionClosed``; `CancellationError`.
    func run(
        _ parts: PartList,
        endsWithItsParts: Bool,
        beside tasks: [@Sendable () async throws -> Void] = [],
        began: () -> Void = {},
        ended: () async -> Void = {}
    ) async throws {
        try status.update { try $0.begin(parts, at: WallClock.nanoseconds) }
        began()
        let result: Result<Void, any Error>
        do {
            result = .success(try await runAll(parts, endsWithItsParts: endsWithItsParts, beside: tasks))
        } catch {
            result = .failure(error)
        }
        status.update { $0.lifecycle.exit(at: WallClock.nanoseconds) }
        await ended()
        try result.get()
    }

    private func runAll(
        _ parts: PartList,
        endsWithItsParts: Bool,
        beside tasks: [@Sendable () async throws -> Void]
    ) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await self.run(parts.parts, endsWithItsParts: endsWithItsParts)
                return true
            }
            if !parts.standing.isEmpty {
                group.addTask {
                    try await self.supervisor.run(parts.standing)
                    return false
                }
            }
            for connection in connections {
                group.addTask {
                    // Nobody brings a closed connection back.
                    for await state in connection.states() where state == .closed { break }
                    try Task.checkCancellation()
                    throw MessagingError.closed
                }
            }
            for task in tasks {
                group.addTask {
                    try await task()
                    return false
                }
            }
            while let isDone = try await group.next(), !isDone {}
            group.cancelAll()
        }
    }

    /// Runs the parts, and again whenever they are stopped and started.
    private func run(_ parts: [Part], endsWithItsParts: Bool) async throws {
        while true {
            try await runUntilStopped(parts)
            try Task.checkCancellation()
            if current.lifecycle.state == .running {
                // They have ended by themselves, or shutdown has begun.
                if Task.isShuttingDownGracefully { return }
                if connections.contains(where: { $0.state == .closed }) { throw MessagingError.closed }
                if endsWithItsParts { return }
                guard try await status.wait(until: { $0.lifecycle.state == .stopping }) else { return }
            }
            status.update { $0.stopped(at: WallClock.nanoseconds) }
            logger.info("the \(kind) is stopped")
            guard try await status.wait(until: { $0.lifecycle.state != .stopped }) else { return }
            logger.info("the \(kind) is started again")
        }
    }

    /// Runs the parts until they have ended, were stopped, or shutdown was asked for.
    ///
    /// They run in a service group of their own, so that stopping is for them what the shutdown of the process is: one
    /// signal, the one that code for servers listens to anyway.
    private func runUntilStopped(_ parts: [Part]) async throws {
        let service = DrainedParts(parts: parts, supervisor: supervisor, drainLimit: drainLimit)
        let group = serviceGroup(of: service)
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                try await group.run()
                return true
            }
            tasks.addTask {
                if try await self.status.wait(until: { $0.lifecycle.state == .stopping }) {
                    await group.triggerGracefulShutdown()
                }
                return false
            }
            while let hasEnded = try await tasks.next(), !hasEnded {}
            tasks.cancelAll()
        }
    }

    private func serviceGroup(of service: any Service) -> ServiceGroup {
        ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: service, successTerminationBehavior: .ignore)],
                logger: logger
            )
        )
    }

    // MARK: Stopping and starting

    /// Tells the parts to stop; does not wait.
    func beginStopping() throws {
        try status.update { try $0.stop(at: WallClock.nanoseconds) }
    }

    /// Returns when the parts are not about to stop any more, or shutdown of the caller begins.
    func waitUntilStopped() async throws {
        try await status.wait { $0.lifecycle.state != .stopping }
    }

    /// Has stopped parts run again; does not wait.
    func beginStarting() throws {
        try status.update { try $0.start(at: WallClock.nanoseconds) }
    }

    /// Returns when the parts can be found, or do not run any more, or shutdown of the caller begins.
    func waitUntilStarted() async throws {
        try await status.wait { $0.isReady || $0.lifecycle.state != .running }
    }

    // MARK: Waiting for it

    /// Returns when something is so, or shutdown of the caller begins.
    ///
    /// - Returns: whether it is so.
    /// - Throws: `CancellationError`.
    func wait(until condition: @escaping @Sendable (RunnerStatus) -> Bool) async throws -> Bool {
        try await status.wait(until: condition)
    }

    /// Returns when everything in it that is to run can be found by others: all of it, or nothing if it is stopped.
    ///
    /// - Returns: whether that is so; `false` if shutdown of the caller began before.
    /// - Throws: `CancellationError`.
    func waitUntilSettled() async throws -> Bool {
        try await status.wait { $0.isReady || $0.lifecycle.state == .stopped }
    }

    /// Returns when it runs and everything in it can be found by others.
    ///
    /// - Throws: ``MessagingError/Code/timeout``, ``MessagingError/Code/notRunning`` if it is stopped or has ended;
    ///   `CancellationError`.
    func waitUntilReady(within limit: Duration) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { [self] in
                try await status.wait { $0.isReady || [.stopped, .exited].contains($0.lifecycle.state) }
                guard current.isReady else {
                    throw MessagingError(.notRunning, "the \(kind) \(name) is stopped or has ended")
                }
            }
            group.addTask { [self] in
                try await timers.sleep(for: limit)
                throw MessagingError(.timeout, "the \(kind) \(name) was not ready within \(limit)")
            }
            try await group.next()
        }
    }

    /// Runs a service, which runs this runner, for as long as `body` takes.
    ///
    /// `body` begins once everything can be found. When it has returned the service is shut down in order. If one of
    /// the two throws, the other is cancelled.
    func whileRunning<Result: Sendable>(
        _ service: any Service,
        readyWithin limit: Duration,
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let group = serviceGroup(of: service)
        return try await withThrowingTaskGroup(of: Result?.self) { tasks in
            tasks.addTask {
                try await group.run()
                return nil
            }
            tasks.addTask {
                try await self.waitUntilReady(within: limit)
                return try await body()
            }
            defer { tasks.cancelAll() }
            var result: Result?
            while let ended = try await tasks.next() {
                if let value = ended {
                    result = value
                    await group.triggerGracefulShutdown()
                } else if result == nil {
                    tasks.cancelAll()
                }
            }
            guard let result else { throw CancellationError() }
            return result
        }
    }
}

/// Parts as a service: when shutdown begins they may finish what they have in hand, within the limit.
private struct DrainedParts: Service, CustomStringConvertible {
    let parts: [Part]
    let supervisor: Supervisor
    let drainLimit: Duration

    /// A group makes a name of it. Without this that would be made of all that the parts have.
    var description: String { "parts" }

    func run() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await supervisor.run(parts)
                return true
            }
            group.addTask {
                try await gracefulShutdown()
                try await supervisor.timers.sleep(for: drainLimit)
                return false
            }
            defer { group.cancelAll() }
            guard try await group.next() == false else { return }
            supervisor.logger.warning("work in hand is cancelled", metadata: ["limit": "\(drainLimit)"])
        }
    }
}
