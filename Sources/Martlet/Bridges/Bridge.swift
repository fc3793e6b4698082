import Logging
public import ServiceLifecycle
import Synchronization

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
/// ``run()`` is a task group of the routes: nothing of a bridge runs before it or is left when it has returned. A
/// bridge is a `Service`, so that a `ServiceGroup` runs it and ends it in order. The brokers may be of different kinds.
/// The guarantee of each route is computed when it starts, from the two brokers' capabilities, and logged; see
/// ``plan()``.
///
/// A ``Forward`` without a transform runs on the thread of its source's connection (``Connection/taskExecutor``). One that has
/// a transform, and other routes, run on the threads that all tasks share. All of them run where the task of ``run()``
/// prefers to, if it prefers a place: by `withTaskExecutorPreference(edge.taskExecutor)` that is the thread of a connection, for
/// transforms that are short and never block.
public final class Bridge: Service, Sendable {
    /// What the bridge is called: on what it passes on, so that no message goes in a circle. No two bridges of one
    /// system have the same name.
    public let name: String
    /// How it treats the messages that pass it.
    public let options: BridgeOptions
    let from: any Connection
    let to: any Connection
    let routes: [any Route]
    private let isNamed: Bool
    private let runner: Runner
    /// The directions of its routes; none before it runs.
    private let directions = Mutex<[PlannedDirection]>([])

    /// - Parameters:
    ///   - from: the connection on the bridge's `from:` side.
    ///   - to: the connection on the bridge's `to:` side.
    ///   - name: what the bridge is called, at most 64 bytes without commas and white space; by default a name of its
    ///     own that is new each time. By its name a bridge that is started again knows what it has passed on before: where
    ///     both sides keep messages and are passed to each other, it needs one that stays.
    ///   - options: what holds for all routes; by default as ``BridgeOptions`` says.
    ///   - routes: the messages, calls and actions that are passed on.
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
        self.name = name ?? "bridge-" + String(from.runtime.random.next(for: .name), radix: 36)
        self.options = options
        self.routes = routes()
        var logger = from.runtime.options.logger
        logger[metadataKey: "bridge"] = .string(self.name)
        runner = Runner(
            "bridge",
            self.name,
            of: "route",
            on: [from, to],
            timers: from.runtime.timers,
            drainLimit: options.drainLimit,
            logger: logger
        )
    }

    /// The connection of a side.
    package subscript(side: BridgeSide) -> any Connection { side == .from ? from : to }

    /// The plan of each route, once for each direction; nothing is begun by it.
    ///
    /// - Throws: ``MessagingError/Code/invalidArgument`` and others for names and options that are not valid,
    ///   ``MessagingError/Code/unsupported`` for a demand that the two sides can't meet.
    public func plan() throws -> [RoutePlan] {
        try plannedDirections().map(\.plan)
    }

    /// The plans of routes between two ends that need not be there; otherwise as ``plan()``.
    ///
    /// - Parameters:
    ///   - ends: what the brokers on the two sides are capable of.
    ///   - areOne: whether both ends are the same connection, so that one route may read the messages that
    ///     another writes.
    ///   - name: what the bridge is called.
    ///   - options: what holds for all routes; by default as ``BridgeOptions`` says.
    ///   - routes: the routes that are to be planned.
    public static func plan(
        between ends: BridgeEnds,
        areOne: Bool = false,
        name: String = "bridge",
        options: BridgeOptions = BridgeOptions(),
        @RouteBuilder routes: () -> [any Route]
    ) throws -> [RoutePlan] {
        try PlannedDirection.list(
            of: routes(),
            between: ends,
            name: name,
            options: options,
            sidesAreOne: areOne
        ).map(\.plan)
    }

    /// How each route stands, once for each direction. Empty before the bridge runs.
    public var reports: [RouteReport] { directions.withLock { $0 }.map(\.report) }

    /// Whether each route is running, or waits to be run again; once for each direction, in the order of ``reports``.
    /// Empty before the bridge runs.
    public var health: [ComponentHealth] { runner.current.health }

    private func plannedDirections() throws -> [PlannedDirection] {
        try PlannedDirection.list(
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
    /// - when graceful shutdown begins, in a service group: no new messages are taken, and those in hand are finished
    ///   within ``BridgeOptions/drainLimit``; messages that are not acknowledged by then stay with their source;
    /// - when the sources of all routes have come to their end, as one that is no broker may: what they gave is passed on
    ///   before, also what is kept on disk;
    /// - when a connection is closed, or a route fails for good: it throws that error;
    /// - when the task is cancelled: it throws `CancellationError`.
    ///
    /// A lost link ends nothing: messages that can't be passed on wait.
    ///
    /// - Throws: before anything runs, ``MessagingError/Code/alreadyRunning`` if it runs already or has run, and the
    ///   errors of ``plan()``.
    public func run() async throws {
        let planned = try plannedDirections()
        try await runner.run(PartList(planned.map { $0.part(of: self) }), endsWithItsParts: true) {
            directions.withLock { $0 = planned }
            for direction in planned { direction.log(to: runner.logger) }
        }
    }

    /// Returns when every route has begun to take messages, so that nothing sent from then on is missed.
    ///
    /// - Throws: ``MessagingError/Code/timeout`` if they have not within the limit, ``MessagingError/Code/notRunning``
    ///   if the bridge has ended; `CancellationError`.
    public func waitUntilReady(within limit: Duration = .seconds(10)) async throws {
        try await runner.waitUntilReady(within: limit)
    }

    /// Runs the bridge for as long as `body` takes: for scripts and tests, where no service group runs it.
    ///
    /// `body` begins once every route takes messages. When it has returned the bridge is shut down in order. If `body`
    /// throws, or the bridge fails or comes to its end before, the other is cancelled.
    ///
    /// - Returns: the result of `body`.
    /// - Throws: the error of `body`; as ``run()`` and ``waitUntilReady(within:)``.
    public func whileRunning<Result: Sendable>(
        readyWithin limit: Duration = .seconds(10),
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await runner.whileRunning(self, readyWithin: limit, body)
    }
}
