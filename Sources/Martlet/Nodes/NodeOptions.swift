/// How a node runs.
public struct NodeOptions: Sendable, Hashable {
    /// How often it says that it is alive; `nil`: never.
    public var heartbeat: HeartbeatOptions?
    /// Where it says whether it is there; `nil`: nowhere.
    public var online: OnlineAnnouncement?
    /// Whether others may start and stop it and ask for its health, by the procedures `<node>.start`, `<node>.stop`
    /// and `<node>.health`. Whoever may call on the broker may then stop it.
    public var remoteControl: Bool
    /// How long work in hand may take once the node is to stop; what takes longer is cancelled.
    public var drainLimit: Duration
    /// The device it runs on, for its log; `nil`: it does not say.
    public var device: String?

    /// A heartbeat every ten seconds, no online announcement, no remote control, 30 seconds for work in hand, unless
    /// told.
    public init(
        heartbeat: HeartbeatOptions? = .every(.seconds(10)),
        online: OnlineAnnouncement? = nil,
        remoteControl: Bool = false,
        drainLimit: Duration = .seconds(30),
        device: String? = nil
    ) {
        self.heartbeat = heartbeat
        self.online = online
        self.remoteControl = remoteControl
        self.drainLimit = drainLimit
        self.device = device
    }

    func validate(on connection: any Connection) throws {
        try heartbeat?.validate()
        try online?.topic?.validate()
        guard drainLimit >= .zero else {
            throw MessagingError(.invalidArgument, "a node's drain limit is \(drainLimit); it must not be negative")
        }
        guard online == nil || connection.capabilities.contains(.retain) else {
            throw MessagingError(
                .unsupported,
                "the broker retains nothing, so that a node can't announce that it is online; leave `online` out"
            )
        }
    }
}
