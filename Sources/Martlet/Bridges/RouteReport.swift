/// How one route of a bridge stands, one way.
public struct RouteReport: Sendable, Hashable {
    /// What it was planned to do.
    public var plan: RoutePlan
    /// What it has counted.
    public var statistics: RouteStatistics
}
