public import Logging

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
    /// What the names of its own topics and procedures begin with, such as `<base>.heartbeat`; `nil`: with its name.
    public var base: TopicName?
    /// Where and from which level on it publishes its log; `nil`: nowhere. Whoever may subscribe then reads it.
    public var log: LogOptions?
    /// How it describes itself on `<node>.describe`; `nil`: not at all.
    public var describes: DescribeOptions?

    /// A heartbeat every ten seconds, no online announcement, no remote control, 30 seconds for work in hand, unless
    /// told.
    public init(
        heartbeat: HeartbeatOptions? = .every(.seconds(10)),
        online: OnlineAnnouncement? = nil,
        remoteControl: Bool = false,
        drainLimit: Duration = .seconds(30),
        device: String? = nil,
        base: TopicName? = nil,
        log: LogOptions? = nil,
        describes: DescribeOptions? = nil
    ) {
        self.heartbeat = heartbeat
        self.online = online
        self.remoteControl = remoteControl
        self.drainLimit = drainLimit
        self.device = device
        self.base = base
        self.log = log
        self.describes = describes
    }

    func validate(on connection: any Connection) throws {
        try heartbeat?.validate()
        try online?.validate()
        try log?.topic?.validate()
        guard drainLimit >= .zero else {
            throw MessagingError(.invalidArgument, "a node's drain limit is \(drainLimit); it must not be negative")
        }
        guard describes?.isRetained != true || connection.capabilities.contains(.retain) else {
            throw MessagingError(
                .unsupported,
                "the broker retains nothing, so that a node can't leave a description there; let it describe itself on request"
            )
        }
        guard online == nil || connection.capabilities.contains(.retain) else {
            throw MessagingError(
                .unsupported,
                "the broker retains nothing, so that a node can't announce that it is online; leave `online` out"
            )
        }
    }
}

/// Where a node publishes its log, as ``LogEntry``: all that it and its components log by their logger.
///
/// To log does not wait for it; see ``RemoteLog``. What the connection logs is not part of it.
public struct LogOptions: Sendable, Hashable {
    /// What is less serious is left out.
    public var level: Logger.Level
    /// Where; `nil`: on `<node>.logs`.
    public var topic: TopicName?

    /// From `info` on, on `<node>.logs`.
    public static let standard = LogOptions.from(.info)

    /// From a level on.
    ///
    /// - Parameters:
    ///   - level: what is less serious is left out.
    ///   - topic: where; by default on `<node>.logs`.
    public static func from(_ level: Logger.Level, on topic: TopicName? = nil) -> LogOptions {
        LogOptions(level: level, topic: topic)
    }
}
