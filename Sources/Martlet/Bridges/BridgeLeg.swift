import Logging
import ServiceLifecycle

/// One way of one route, planned.
struct BridgeLeg: Sendable {
    let plan: RoutePlan
    private let route: any Route
    /// Its place among the route's plans.
    private let index: Int
    private let isInLoop: Bool
    private let recorder = RouteRecorder()

    var report: RouteReport { RouteReport(plan: plan, statistics: recorder.statistics) }

    /// The legs of a bridge's routes.
    ///
    /// - Throws: ``MessagingError/Code/invalidArgument`` also where routes would feed each other for ever.
    static func list(
        of routes: [any Route],
        between ends: BridgeEnds,
        name: String,
        options: BridgeOptions,
        sidesAreOne: Bool,
        isNamed: Bool = true
    ) throws -> [BridgeLeg] {
        try BridgeStamp(bridge: name, options: options, from: .from).validate()
        guard options.drainLimit >= .zero else {
            throw MessagingError(
                .invalidArgument,
                "the drain limit of bridge \(name) is \(options.drainLimit); it must not be negative"
            )
        }
        var planned: [(plan: RoutePlan, route: any Route, index: Int)] = []
        for route in routes {
            for (index, plan) in try route.plans(between: ends, options: options).enumerated() {
                planned.append((plan, route, index))
            }
        }
        let plans = planned.map(\.plan)
        if !isNamed, let durable = plans.first(where: \.needsName) {
            throw MessagingError(
                .invalidArgument,
                "route \(durable.name) is durable, and its bridge has no name by which it would find what was kept for it"
            )
        }
        let loops = RouteLoops.members(of: plans, sidesAreOne: sidesAreOne)
        if let refused = loops.sorted().first(where: { !plans[$0].allowsLoop }) {
            let names = loops.sorted().map { "'\(plans[$0].name)'" }.joined(separator: " and ")
            throw MessagingError(
                .invalidArgument,
                """
                in bridge \(name) what \(names) pass on comes back to '\(plans[refused].name)': allow the loop in its \
                options, to have it cut while it runs, or choose names that keep the sides apart
                """
            )
        }
        if let lossy = loops.sorted().first(where: {
            plans[$0].guarantee != nil && plans[$0].reads.contains(where: \.isQueue)
        }) {
            throw MessagingError(
                .invalidArgument,
                """
                in bridge \(name) the route '\(plans[lossy].name)' takes from a queue what the bridge itself puts there: a \
                queue gives each message to one consumer, so that nobody else would ever get it; choose names that keep \
                the sides apart
                """
            )
        }
        if let looped = loops.sorted().first, options.marking == .never {
            throw MessagingError(
                .invalidArgument,
                "bridge \(name) marks nothing, so that the loop of '\(plans[looped].name)' could not be cut"
            )
        }
        return planned.enumerated().map { place, leg in
            BridgeLeg(plan: leg.plan, route: leg.route, index: leg.index, isInLoop: loops.contains(place))
        }
    }

    private init(plan: RoutePlan, route: any Route, index: Int, isInLoop: Bool) {
        self.plan = plan
        self.route = route
        self.index = index
        self.isInLoop = isInLoop
    }

    func log(to logger: Logger) {
        let guarantee = plan.guarantee.map { "\($0)" } ?? "answered or told"
        logger.info("the route begins", metadata: ["route": "\(plan.name)", "guarantee": "\(guarantee)"])
        for warning in plan.warnings {
            logger.warning("\(warning)", metadata: ["route": "\(plan.name)"])
        }
    }

    func context(
        from: any Connection,
        to: any Connection,
        name: String,
        options: BridgeOptions,
        logger: Logger,
        onReady: @escaping @Sendable () -> Void
    ) -> RouteContext {
        var logger = logger
        logger[metadataKey: "route"] = .string(plan.name)
        return RouteContext(
            logger: logger,
            from: from,
            to: to,
            stamp: BridgeStamp(bridge: name, options: options, from: plan.source),
            options: options,
            plan: plan,
            isInLoop: isInLoop,
            recorder: recorder,
            onReady: onReady
        )
    }

    /// Runs until shutdown; what can't begin, or go on, for want of a link is tried again.
    func run(in context: RouteContext) async throws {
        var restarts = Restarts(Backoff())
        while true {
            let began = context.timers.now
            do {
                try await route.run(index, in: context)
                if Task.isShuttingDownGracefully { return }
                // A subscription ends by itself only when its connection does.
                try Task.checkCancellation()
                throw MessagingError.closed
            } catch {
                if Task.isCancelled { throw CancellationError() }
                if Task.isShuttingDownGracefully {
                    context.logger.warning("the route failed while shutting down", metadata: ["error": "\(error)"])
                    return
                }
                let code = (error as? MessagingError)?.code
                guard code == .notConnected || code == .connectionLost else { throw error }
                context.logger.info("the route waits for a link", metadata: ["error": "\(error)"])
                guard try await waitForLinks(context, restarts.delay(afterRunOf: context.timers.now - began) ?? .zero)
                else { return }
            }
        }
    }

    /// Waits for the source's link, without which no route begins. For the sink's it waits no longer than for any other
    /// attempt: a route that stores begins without one.
    ///
    /// - Returns: whether to go on; `false` if shutdown began meanwhile.
    private func waitForLinks(_ context: RouteContext, _ delay: Duration) async throws -> Bool {
        do {
            try await cancelWhenGracefulShutdown {
                try await context.source.runtime.waitUntilConnected(within: nil)
                guard context.sink.runtime.states.state != .connected else {
                    return try await context.timers.sleep(for: delay)
                }
                do {
                    try await context.sink.runtime.waitUntilConnected(within: delay)
                } catch let error as MessagingError where error.code == .timeout {}
            }
            return true
        } catch is CancellationError where !Task.isCancelled {
            return false
        }
    }
}
