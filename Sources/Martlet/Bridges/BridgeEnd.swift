/// The properties of a connection that a bridge needs to plan its routes.
public struct BridgeEnd: Sendable, Hashable {
    /// Its name in plans.
    public var name: String
    /// The capabilities of its broker.
    public var capabilities: Capabilities

    /// An end that need not be connected.
    public init(name: String, capabilities: Capabilities) {
        self.name = name
        self.capabilities = capabilities
    }

    /// The end that is a connection.
    public init(_ connection: any Connection) {
        self.init(name: connection.runtime.name, capabilities: connection.capabilities)
    }
}

/// A bridge's two ends.
public struct BridgeEnds: Sendable, Hashable {
    /// That after `from:`.
    public var from: BridgeEnd
    /// That after `to:`.
    public var to: BridgeEnd

    /// Two ends.
    public init(from: BridgeEnd, to: BridgeEnd) {
        self.from = from
        self.to = to
    }

    /// The end of a side.
    public subscript(side: BridgeSide) -> BridgeEnd { side == .from ? from : to }
}

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
