public import Logging

/// What every connection can be told, whatever its broker.
public struct ConnectionOptions: Sendable {
    /// What the connection is called, in logs and at the broker. `nil`: a name of its own.
    public var name: String?
    /// How values are written and read.
    public var codecs: Codecs
    /// How what is published or queued looks on the wire. ``PublishOptions/format`` counts more.
    public var format: MessageFormat
    /// What changes all that is sent, in this order, and, in the opposite order, all that comes. Every peer needs the
    /// same. The embedded broker, which has no wire, does without; so the clients of its server, if it has one, have to do
    /// without as well.
    public var transforms: [any BodyTransform]
    /// What the broker publishes if it loses the connection.
    public var will: Will?
    /// What becomes of a publish without a guarantee while there is no link.
    public var whileOffline: OfflinePolicy
    /// What connecting does when no broker can be reached.
    public var whenUnreachable: UnreachablePolicy
    /// The thread that serves the connection's socket: that of another connection, from its
    /// ``Connection/taskExecutor``. `nil`: one of its own.
    ///
    /// It is for many connections that have little to do each. What one of them does holds up the others, and it ends
    /// with the last of them. The embedded broker, which has no thread, does without.
    public var thread: (any TaskExecutor)?
    /// How long a link has to last until the delays before the next ones start small again. A link that is accepted and then
    /// ended at once, again and again, is so tried at growing intervals. The embedded broker does without.
    public var steadyAfter: Duration
    /// The largest body that is sent, in bytes.
    public var maximumBodyBytes: Int
    /// The most headers that a message may have. One with more is not sent, which is
    /// ``MessagingError/Code/invalidArgument``; one that comes is skipped and counted in
    /// ``ConnectionStatistics/undecodable``, or becomes a dead letter where its queue has such. The embedded broker does
    /// without the latter.
    public var maximumHeaders: Int
    /// How many bytes may wait for the reader of each subscription, headers included and after any decompression, beside the
    /// number of messages that its options allow; and of each stream's elements. The last message may be of any size. When
    /// so much waits a subscription does as if that number did, and a stream ends with
    /// ``MessagingError/Code/bodyTooLarge``.
    public var maximumWaitingBytes: Int
    /// Where it logs.
    public var logger: Logger
    /// What measures its timeouts; another clock is for tests.
    public var clock: any Clock<Duration>
    /// Where names, identifiers and jitter come from; another source is for simulations.
    package var random = RandomSource.system
    /// How the stores of bridges whose source it is reach the disk.
    package var disk = StoreDisk.system

    /// JSON, bodies as they are, no will, offline publishes fail, as does connecting to a broker that can't be reached,
    /// a thread of its own, a link that is steady after 30 s, bodies of up to 16 MiB, 1,000 headers, 64 MiB that wait for
    /// each reader, unless told.
    public init(
        name: String? = nil,
        codecs: Codecs = Codecs(),
        format: MessageFormat = .plain,
        transforms: [any BodyTransform] = [],
        will: Will? = nil,
        whileOffline: OfflinePolicy = .fail,
        whenUnreachable: UnreachablePolicy = .fail,
        thread: (any TaskExecutor)? = nil,
        steadyAfter: Duration = .seconds(30),
        maximumBodyBytes: Int = 16 << 20,
        maximumHeaders: Int = 1_000,
        maximumWaitingBytes: Int = 64 << 20,
        logger: Logger = Logger(label: "martlet"),
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.name = name
        self.codecs = codecs
        self.format = format
        self.transforms = transforms
        self.will = will
        self.whileOffline = whileOffline
        self.whenUnreachable = whenUnreachable
        self.thread = thread
        self.steadyAfter = steadyAfter
        self.maximumBodyBytes = maximumBodyBytes
        self.maximumHeaders = maximumHeaders
        self.maximumWaitingBytes = maximumWaitingBytes
        self.logger = logger
        self.clock = clock
    }
}
