/// A part of a bridge: what it passes on, and how.
///
/// ``Forward``, ``ForwardCalls`` and ``ForwardActions`` are routes. One of your own says in a ``RoutePlan`` what it reads and
/// writes, and works with what a ``RouteContext`` gives it; see <doc:Bridges>.
public protocol Route: Sendable {
    /// What it is called in logs and statistics: what it connects, unless told.
    var name: String { get }

    /// What it will do, once for each way in which it passes messages on. Nothing has run by then.
    ///
    /// - Throws: a ``MessagingError`` that says what is wrong with it, or what it demands that the two ends can't give.
    func plans(between ends: BridgeEnds, options: BridgeOptions) throws -> [RoutePlan]

    /// Passes messages on, in the way of one of its plans, until graceful shutdown begins and what was in hand is done.
    ///
    /// It is called again after it has thrown for want of a link, when there is one.
    ///
    /// - Parameter leg: the place of its plan among those that it has made.
    func run(_ leg: Int, in context: RouteContext) async throws
}
