import Logging
import ServiceLifecycle

/// One direction of one route, planned: what a bridge runs as one part.
struct PlannedDirection: Sendable {
    let plan: RoutePlan
    private let route: any Route
    /// Its place among the route's plans.
    private let index: Int
    private let isInLoop: Bool
    private let recorder = RouteRecorder()

    var report: RouteReport { RouteReport(plan: plan, statistics: recorder.statistics) }

    /// The directions of a bridge's routes.
    ///
    /// - Throws: ``MessagingError/Code/invalidArgument`` also where routes would feed each other for ever.
    static func list(
        of routes: [any Route],
        between ends: BridgeEnds,
        name: String,
        options: BridgeOptions,
        sidesAreOne: Bool,
        isNamed: Bool = true
    ) throws -> [PlannedDirection] {
        try BridgeMark(bridge: name, options: options, from: .from).validate()
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
            let verb = loops.count == 1 ? "passes" : "pass"
            throw MessagingError(
                .invalidArgument,
                """
                in bridge \(name) what \(names) \(verb) on comes back to '\(plans[refused].name)': allow the loop in its \
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
        return planned.enumerated().map { place, direction in
            var plan = direction.plan
            if !isNamed, loops.contains(place), ends[plan.source].capabilities.contains(.retain) {
                plan.warnings.append(
                    "the bridge has no name that stays: started again, it may put an older kept message in place of a newer one"
                )
            }
            return PlannedDirection(
                plan: plan,
                route: direction.route,
                index: direction.index,
                isInLoop: loops.contains(place)
            )
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

    /// The part that passes on what comes this way, for as long as the bridge runs.
    ///
    /// Without the source's link it does not begin. Without the sink's it does: a route that stores needs none.
    func part(of bridge: Bridge) -> Part {
        let ends = (source: bridge[plan.source], sink: bridge[plan.source.other])
        return Part(
            name: plan.name,
            reportsReadiness: true,
            links: Part.Links(needed: ends.source, wanted: ends.sink, outlastsLoss: true)
        ) { part in
            let context = RouteContext(
                logger: part.logger,
                from: bridge.from,
                to: bridge.to,
                bridgeMark: BridgeMark(bridge: bridge.name, options: bridge.options, from: plan.source),
                options: bridge.options,
                plan: plan,
                isInLoop: isInLoop,
                recorder: recorder,
                onReady: part.ready
            )
            try await route.run(index, in: context)
            if Task.isShuttingDownGracefully { return }
            try Task.checkCancellation()
            // What a source that is no broker has to give may come to an end; anything else ends with its connection.
            if ends.source.runtime.isClosing || ends.sink.runtime.isClosing { throw MessagingError.closed }
        }
    }
}
