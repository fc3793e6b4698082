import ServiceLifecycle

/// A route that passes an action on: clients on the bridge's `from:` side reach a server on its `to:` side.
///
/// ```swift
/// ForwardActions("arm.move")
/// ```
///
/// Goals, cancellations and questions about results go one way, feedback and status the other. A goal has the same ID
/// on both sides. Feedback and status arrive in the order in which they were published.
public struct ForwardActions: Route {
    /// What it connects, such as `action arm.move → berlin.arm.move`.
    public let name: String
    private let names: ActionNames
    private let targets: ActionNames
    private let side: BridgeSide
    private let options: CallRouteOptions

    /// - Parameters:
    ///   - action: the action's name for its clients.
    ///   - target: the action's name at its server; by default the same.
    ///   - isBackwards: whether the clients are on the bridge's `to:` side and the server on its `from:` side.
    ///   - options: how its goals, cancellations and questions are passed on.
    public init(
        _ action: QueueName,
        to target: QueueName? = nil,
        isBackwards: Bool = false,
        options: CallRouteOptions = CallRouteOptions()
    ) {
        names = ActionNames(action)
        targets = ActionNames(target ?? action)
        side = isBackwards ? .to : .from
        self.options = options
        name = "action \(action) → \(targets.action)\(isBackwards ? ", backwards" : "")"
    }

    /// Passes an action of a contract on.
    public init<Goal, Feedback, Result>(
        _ action: Action<Goal, Feedback, Result>,
        to target: QueueName? = nil,
        isBackwards: Bool = false,
        options: CallRouteOptions = CallRouteOptions()
    ) {
        self.init(action.name, to: target, isBackwards: isBackwards, options: options)
    }

    /// What it will do.
    public func plans(between ends: BridgeEnds, options bridge: BridgeOptions) throws -> [RoutePlan] {
        try names.action.validate()
        try targets.action.validate()
        try options.validate(for: name)
        let (here, there) = (side, side.other)
        return [
            RoutePlan(
                name: name,
                source: side,
                reads: names.calls.map { RoutePlan.Place(here, $0) }
                    + [RoutePlan.Place(there, TopicShape(targets.topics))],
                writes: targets.calls.map { RoutePlan.Place(there, $0) }
                    + [RoutePlan.Place(here, TopicShape(names.topics))],
                allowsLoop: options.allowsLoop
            )
        ]
    }

    /// Passes the action on.
    public func run(_ direction: Int, in context: RouteContext) async throws {
        // Before goals are taken, so that their clients miss no news of them.
        var reading = SubscribeOptions.passing(limit: 4_096)
        reading.reads = Self.news.map { TopicName(targets.action).appending($0) }
        let news = try await context.sink.subscribe(to: targets.topics, options: reading)
        context.recorder.reads(news)
        defer { context.recorder.reads(nil) }
        var loops: [RequestLoop] = []
        // Goals last: their client may ask for the result at once.
        for (name, target) in zip(names.calls, targets.calls).reversed() {
            let relay = CallRelay(
                target: target,
                options: options,
                context: context,
                caller: context.source,
                responder: context.sink
            )
            let loop = try await context.source.openRequests(
                name,
                options: RespondOptions(concurrency: options.concurrency),
                deadline: .answer
            ) { try await relay.answer($0) }
            loops.append(loop)
        }
        context.ready()
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { [loops] group in
                for loop in loops { group.addTask { try await loop.answer() } }
                group.addTask { try await publish(news, context) }
                do {
                    while try await group.next() != nil {}
                } catch {
                    group.cancelAll()
                    throw error
                }
            }
        } onGracefulShutdown: { [loops] in
            for loop in loops { loop.finish() }
            news.finish()
        }
    }

    /// What the topics of news end with, by servers of all libraries.
    private static var news: [String] { ["status", "feedback", "notify"] }

    /// Publishes the server's news for its clients. News that can't be published for want of a link are dropped:
    /// clients ask when they hear nothing.
    private func publish(_ news: Subscription, _ context: RouteContext) async throws {
        for try await delivery in news {
            guard let kind = delivery.topic.segments.last, Self.news.contains(kind) else { continue }
            guard context.bridgeMark.verdict(on: delivery.message.headers) == .pass else {
                context.recorder.update { $0.looped += 1 }
                continue
            }
            var message = delivery.message
            // Clients of other libraries know news without headers, wherever the server is.
            if RouteContext.isPlain(message.headers), !context.source.capabilities.contains(.separateHeaders) {
                message.headers = Headers()
            } else if context.options.marking != .never {
                context.bridgeMark.mark(&message.headers, origin: "")
            }
            do {
                try await context.source.publish(message, to: TopicName(names.action).appending(kind))
            } catch {
                try Task.checkCancellation()
                guard let error = error as? MessagingError, error.code != .connectionClosed else { throw error }
                context.warn("news of a goal could not be passed on", error)
            }
        }
    }
}

extension ActionNames {
    /// The procedures that clients call; goals first.
    fileprivate var calls: [QueueName] { [sendGoal, cancelGoal, getResult] }
}
