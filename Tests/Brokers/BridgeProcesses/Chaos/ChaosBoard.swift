import Martlet
import Synchronization

/// What has arrived of each route.
final class ChaosBoard: Sendable {
    private struct State {
        var routes: [ChaosRoute: (Numbered, RouteStatistics)] = [:]
        var retried: [ChaosRoute: Int] = [:]
        var isTroubleOver = false
    }

    private let state = Mutex(State())

    /// How many messages have arrived, of all routes.
    var arrived: Int { state.withLock { $0.routes.values.reduce(0) { $0 + $1.0.count } } }

    /// Whether everything has happened that was to happen.
    var isTroubleOver: Bool {
        get { state.withLock { $0.isTroubleOver } }
        set { state.withLock { $0.isTroubleOver = newValue } }
    }

    func update(_ route: ChaosRoute, _ arrived: Numbered, _ statistics: RouteStatistics) {
        state.withLock { $0.routes[route] = (arrived, statistics) }
    }

    /// Counts messages that a route has tried again: what is behind them overtakes them.
    func addRetried(_ count: Int, on route: ChaosRoute) { state.withLock { $0.retried[route, default: 0] += count } }

    /// How many messages were tried again, on a route and on the one behind it.
    func retried(on route: ChaosRoute) -> Int {
        state.withLock { $0.retried[route, default: 0] + ($0.routes[route]?.1.retried ?? 0) }
    }

    subscript(route: ChaosRoute) -> (Numbered, RouteStatistics)? { state.withLock { $0.routes[route] } }
}
