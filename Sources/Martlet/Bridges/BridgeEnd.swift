/// What a bridge has to know of a connection to say what it will do.
public struct BridgeEnd: Sendable, Hashable {
    /// What it is called where the plan is told.
    public var name: String
    /// What its broker gives.
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
