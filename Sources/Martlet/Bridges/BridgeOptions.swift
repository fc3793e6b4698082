/// How a bridge marks and treats what passes it.
public struct BridgeOptions: Sendable, Hashable {
    /// On which messages a bridge writes its name, so that none goes in a circle.
    public enum Marking: Sendable, Hashable {
        /// On all of them.
        case always
        /// On those whose headers are beside the body on the wire, or that have headers anyway. For others a mark would
        /// put an envelope around the body, which peers of other libraries would see. Headers that say no more than that
        /// the body is JSON, and the message's ID, are left out for the same reason. Nothing then stops a circle of
        /// several bridges.
        case whereNative
        /// On none. Nothing then stops a circle of several bridges.
        case never
    }

    /// What the broker on the `from:` side is called by all bridges that connect to it. Where bridges form a circle, no
    /// message then comes back to a broker that it has been at. `nil`: it has no name.
    public var fromBroker: String?
    /// What the broker on the `to:` side is called; as for the other.
    public var toBroker: String?
    /// What a mesh is called by all its bridges: brokers with a bridge from each to each, so that every message is at all
    /// of them when it has passed one bridge. No message then passes a second one of the mesh. `nil`: it is part of none.
    public var mesh: String?
    /// How many bridges a message may pass, this one included.
    public var hopLimit: Int
    /// On which messages the bridge writes its name.
    public var marking: Marking
    /// How long routes may take to finish what they have in hand when the bridge is shut down.
    public var drainLimit: Duration

    /// Brokers without names and no mesh, eight bridges, every message marked, 10 s to finish, unless told.
    public init(
        fromBroker: String? = nil,
        toBroker: String? = nil,
        mesh: String? = nil,
        hopLimit: Int = 8,
        marking: Marking = .always,
        drainLimit: Duration = .seconds(10)
    ) {
        self.fromBroker = fromBroker
        self.toBroker = toBroker
        self.mesh = mesh
        self.hopLimit = hopLimit
        self.marking = marking
        self.drainLimit = drainLimit
    }
}
