public import Martlet

/// The routes that a bridge needs for one run of a check, made for the way the bridge is laid.
public struct ConformanceRoutes: Sendable {
    private let routes: [ConformanceRoute]
    private let environment: ConformanceEnvironment

    init(_ routes: [ConformanceRoute], in environment: ConformanceEnvironment) {
        self.routes = routes
        self.environment = environment
    }

    /// For a bridge from the check's source to its sink.
    public var forth: [any Route] { routes.map { route($0, .forth) } }

    /// For a bridge from the check's sink to its source, whose routes go back.
    public var back: [any Route] { routes.map { route($0, .back) } }

    /// For a bridge from the check's source to its sink that passes topics on both ways, and cuts the circle.
    public var both: [any Route] { routes.map { route($0, .both) } }

    private func route(_ route: ConformanceRoute, _ direction: RouteDirection) -> any Route {
        let isBackwards = direction == .back
        switch route {
        case .topics(let pattern):
            let options = RouteOptions(allowsLoop: direction == .both)
            return Forward(environment.pattern(pattern), direction: direction, options: options)
        case .queue(let name):
            // Whoever passed a queue on both ways would compete with its consumers.
            return Forward(queue: environment.queue(name), direction: isBackwards ? .back : .forth)
        case .calls(let name): return ForwardCalls(environment.queue(name), isBackwards: isBackwards)
        case .action(let name): return ForwardActions(environment.queue(name), isBackwards: isBackwards)
        }
    }
}
