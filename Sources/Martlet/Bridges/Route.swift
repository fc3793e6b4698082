/// A part of a bridge: it says which messages pass, and how.
///
/// ``Forward``, ``ForwardCalls`` and ``ForwardActions`` are routes. One of your own says in a ``RoutePlan`` what it reads and
/// writes, and works with what a ``RouteContext`` gives it; see <doc:Bridges>.
public protocol Route: Sendable {
    /// What it is called in logs and statistics: what it connects, unless told.
    var name: String { get }

    /// Its plans, one for each direction in which it passes messages on. Nothing has run by then.
    ///
    /// - Throws: a ``MessagingError`` that says what is wrong with it, or what it demands that the two ends can't give.
    func plans(between ends: BridgeEnds, options: BridgeOptions) throws -> [RoutePlan]

    /// Passes messages on, in the direction of one of its plans, until graceful shutdown begins and all work in hand is
    /// done.
    ///
    /// It is called again after it has thrown for want of a link, when there is one.
    ///
    /// - Parameters:
    ///   - direction: the plan's place among its plans.
    ///   - context: the bridge's connections, and what it logs and counts with.
    func run(_ direction: Int, in context: RouteContext) async throws
}

/// Makes a list of routes of what stands in a bridge's braces: routes one a line, `if`, `switch`, `for`, and arrays of
/// routes.
@resultBuilder
public enum RouteBuilder {
    /// One route.
    public static func buildExpression(_ route: some Route) -> [any Route] { [route] }
    /// Routes that were made elsewhere.
    public static func buildExpression(_ routes: [any Route]) -> [any Route] { routes }
    /// One after the other.
    public static func buildBlock(_ parts: [any Route]...) -> [any Route] { parts.flatMap { $0 } }
    /// An `if` without `else`.
    public static func buildOptional(_ part: [any Route]?) -> [any Route] { part ?? [] }
    /// The first branch of an `if` or `switch`.
    public static func buildEither(first part: [any Route]) -> [any Route] { part }
    /// The other branch.
    public static func buildEither(second part: [any Route]) -> [any Route] { part }
    /// A `for` loop.
    public static func buildArray(_ parts: [[any Route]]) -> [any Route] { parts.flatMap { $0 } }
    /// An `if #available`.
    public static func buildLimitedAvailability(_ part: [any Route]) -> [any Route] { part }
}
