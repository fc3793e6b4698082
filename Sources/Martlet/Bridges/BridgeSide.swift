/// One of a bridge's two connections, as `Bridge(from:to:)` names them.
public enum BridgeSide: Sendable, Hashable {
    /// The one after `from:`.
    case from
    /// The one after `to:`.
    case to

    /// The other one.
    public var other: BridgeSide { self == .from ? .to : .from }
}

/// Which way a route passes messages on.
public enum RouteDirection: Sendable, Hashable {
    /// From the bridge's `from:` to its `to:`.
    case forth
    /// From the bridge's `to:` to its `from:`, with the route's pattern still that of the `from:` side.
    case back
    /// Both.
    case both
}
