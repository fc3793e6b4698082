import Logging
public import ServiceLifecycle

/// Passes messages, calls and actions from one broker to another.
///
/// ```swift
/// let bridge = Bridge(from: edge, to: cloud, name: "berlin") {
///     Forward("sensors.#", as: "site.berlin.{rest}")
///     ForwardCalls("ops.start", to: "thing.robotA.ops.start")
///     ForwardActions("arm.move")
/// }
/// try await bridge.run()
/// ```
///
/// ``run()`` is a task group of the routes: nothing of a bridge runs before it or is left when it has returned. A bridge
/// is a `Service`, so that a `ServiceGroup` runs it and ends it in order. The brokers may be of different kinds. What
/// each route guarantees is computed when it starts, from what the two brokers give, and logged; see ``plan()``.
public final class Bridge: Service, Sendable {
    /// What the bridge is called: on what it passes on, so that no message goes in a circle. No two bridges of one
    /// system have the same name.
    public let name: String
    /// How it treats what passes it.
    public let options: BridgeOptions
    let from: any Connection
    let to: any Connection
    let routes: [any Route]
    private let isNamed: Bool
    private let status = Watched(BridgeStatus())
    private let logger: Logger

    /// - Parameters:
    ///   - name: what the bridge is called, at most 64 bytes without commas and white space; by default a name of its
    ///     own that is new each time.
    ///   - routes: what is passed on.
    public init(
        from: any Connection,
        to: any Connection,
        name: String? = nil,
        options: BridgeOptions = BridgeOptions(),
        @RouteBuilder routes: () -> [any Route]
    ) {
        self.from = from
        self.to = to
        isNamed = name != nil
        self.name = name ?? "bridge-" + String(UInt64.random(in: .min ... .max), radix: 36)
        self.options = options
        self.routes = routes()
        var logger = from.runtime.options.logger
        logger[metadataKey: "bridge"] = .string(self.name)
        self.logger = logger
    }

    /// What each route will do, once for each way; nothing is begun by it.
    ///
    /// - Throws: ``MessagingError/Code/invalidArgument`` and others for what is not valid,
    ///   ``MessagingError/Code/unsupported`` for what the two sides can't give.
    public func plan() throws -> [RoutePlan] {
        try legs().map(\.plan)
    }

    /// What the routes between two ends would do that need not be there; otherwise as ``plan()``.
    ///
    /// - Parameter areOne: whether both ends are the same connection, so that what one route writes another may read.
    public static func plan(
        between ends: BridgeEnds,
        areOne: Bool = false,
        name: String = "bridge",
        options: BridgeOptions = BridgeOptions(),
        @RouteBuilder routes: () -> [any Route]
    ) throws -> [RoutePlan] {
        try BridgeLeg.list(of: routes(), between: ends, name: name, options: options, sidesAreOne: areOne).map(\.plan)
    }

    /// How each route stands, once for each way. Empty before the bridge runs.
    public var reports: [RouteReport] { status.value.legs.map(\.report) }

    private func legs() throws -> [BridgeLeg] {
        try BridgeLeg.list(
            of: routes,
            between: BridgeEnds(from: BridgeEnd(from), to: BridgeEnd(to)),
            name: name,
            options: options,
            sidesAreOne: from === to,
            isNamed: isNamed
        )
    }

    /// Runs the bridge, once, until it has ended:
    ///
    /// - when graceful shutdown begins, in a service group: nothing new is taken, and what is in hand is finished within
    ///   ``BridgeOptions/drainLimit``; what then is not acknowledged stays with its source;
    /// - when a connection is closed, or a route fails for good: it throws that error;
    /// - when the task is cancelled: it throws `CancellationError`.
    ///
    /// A lost link ends nothing: what can't be passed on waits.
    ///
    /// - Throws: before anything runs, ``MessagingError/Code/alreadyRunning`` if it runs already or has run, and what
    ///   ``plan()`` throws.
    public func run() async throws {
        let legs = try legs()
        try status.update { try $0.begin(legs) }
        defer { status.update { $0.phase = .ended } }
        for leg in legs { leg.log(to: logger) }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await self.run(legs)
                return true
            }
            group.addTask {
                try await gracefulShutdown()
                try await self.from.runtime.timers.sleep(for: self.options.drainLimit)
                self.logger.warning("the bridge's routes took too long to finish and are cancelled")
                return true
            }
            defer { group.cancelAll() }
            _ = try await group.next()
        }
    }

    private func run(_ legs: [BridgeLeg]) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for (index, leg) in legs.enumerated() {
                group.addTask { [self] in
                    let context = leg.context(from: from, to: to, name: name, options: options, logger: logger) {
                        [status] in status.update { $0.ready.insert(index) }
                    }
                    try await leg.run(in: context)
                }
            }
        }
    }

    /// Returns when every route has begun to take messages, so that nothing sent from then on is missed.
    ///
    /// - Throws: ``MessagingError/Code/timeout`` if they have not within the limit, ``MessagingError/Code/notRunning`` if
    ///   the bridge has ended; `CancellationError`.
    public func waitUntilReady(within limit: Duration = .seconds(10)) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { [status] in
                try await status.wait { $0.isReady || $0.phase == .ended }
                guard status.value.isReady else { throw MessagingError(.notRunning, "the bridge has ended") }
            }
            group.addTask { [from] in
                try await from.runtime.timers.sleep(for: limit)
                throw MessagingError(.timeout, "the bridge's routes were not ready within \(limit)")
            }
            try await group.next()
        }
    }

    /// Runs the bridge for as long as `body` takes: for scripts and tests, where no service group runs it.
    ///
    /// `body` begins once every route takes messages. When it has returned the bridge is shut down in order. If `body`
    /// throws, or the bridge fails, the other is cancelled.
    ///
    /// - Returns: what `body` returned.
    /// - Throws: what `body` throws; as ``run()`` and ``waitUntilReady(within:)``.
    public func whileRunning<Result: Sendable>(
        readyWithin limit: Duration = .seconds(10),
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: self, successTerminationBehavior: .ignore)],
                logger: logger
            )
        )
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
