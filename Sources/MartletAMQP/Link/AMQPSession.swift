import Martlet
import MartletTransport
import Synchronization

/// The work behind a connection: the link, its channels, and everything that is restored when the link was lost. It lives
/// on the connection's loop.
///
/// ``AMQPConnection`` is what users hold; it ends the session when it is closed or dropped.
actor AMQPSession: LinkSession {
    nonisolated let loop: EventLoop
    nonisolated let options: AMQPOptions
    nonisolated let runtime: ConnectionRuntime
    nonisolated let bell: Bell
    nonisolated let outbox: Outbox<Outgoing>
    nonisolated let offline: OfflineBuffer<Outgoing>
    nonisolated let settlements: SettlementQueue
    /// Held by readers that no prefetch protects and that are behind.
    nonisolated let gate: FlowGate
    /// What is told of the broker beside the states.
    nonisolated let events = EventBroadcast()
    /// Where replies come at the moment.
    nonisolated let replyAddress = Mutex("")

    let keeper: LinkKeeper
    var link: Link?
    var watch: Watch?
    var ticker: Timer?
    var heartbeat: LinkHeartbeat?
    var handshake: Handshake?
    var agreement: Handshake.Agreement?
    /// Told when the broker has heard the goodbye, or the link is gone.
    var goodbye: Promise<Void>?

    var channels: [UInt16: Channel] = [:]
    var lastChannel: UInt16 = 0
    /// Those of which something was read in this round.
    var channelsRead: [Channel] = []
    /// The message of the answer that is being told, for those who asked for one.
    var gotten: ContentAssembly.Content?
    /// The channel of the verbs' publishes.
    let publisher = Publisher(.verbs)
    /// The channel of those that are sent again, since the broker refused one of them.
    let suspects = Publisher(.suspects)
    /// The channel of calls' requests.
    let callers = Publisher(.calls)
    /// The channel of questions about queues.
    let inquiries = SharedChannel()
    /// The channel by which the topology is declared again.
    let declarations = SharedChannel()
    /// What is consumed, to be restored.
    var consumers: [Int: any Restorable] = [:]
    var lastConsumer = 0
    /// Channels of the native API.
    var natives: [Int: NativeChannel] = [:]
    var replies: ReplyConsumer?
    let will: WillKeeper?
    /// What this connection declared by the native API.
    var topology = Topology()
    /// How much of it the broker has not yet allowed to be declared again on this link.
    var undeclared = 0
    /// Queues that are known to exist, on this link.
    var knownQueues: Set<QueueName> = []

    /// Taken from the outbox, or sent before, for channels that have no room yet.
    var waiting = WaitingLines()
    /// Why the broker takes no publishes at the moment.
    var blockedReason: String?
    /// There is more to send, which the socket had no room for.
    var isHeldUp = false
    /// There may be more to read, of which the socket says nothing.
    var hasUnread = false
    /// What came while readers were behind that no prefetch protects.
    var backlogMessages = 0
    var backlogBytes = 0

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(_ options: AMQPOptions, loop: EventLoop) throws {
        try options.validate()
        self.options = options
        self.loop = loop
        let runtime = ConnectionRuntime(options.connection, names: .amqp)
        self.runtime = runtime
        let bell = Bell(loop)
        self.bell = bell
        outbox = Outbox(limit: 1_024, maximumBytes: 16 << 20) { bell.ring() }
        offline = OfflineBuffer(options.connection.whileOffline)
        settlements = SettlementQueue { bell.ring() }
        gate = FlowGate(on: bell) { bell.ring() }
        will = options.connection.will.map(WillKeeper.init)
        keeper = LinkKeeper(options.link, options.connection)
        try loop.open()
        bell.listen { [weak self] in self?.assumeIsolated { $0.work() } }
    }

    /// What the bell is rung for.
    func work() {
        switch keeper.state {
        case .restoring, .open, .draining, .closing: attend { try settle() }
        case .idle, .opening, .closed: _ = settlements.takeAll()
        }
        for consumer in consumers.values { consumer.work(self) }
        if !gate.isClosed { forgetBacklog() }
        readRest()
        guard canPublish else { return }
        attend { try send() }
        keeper.progressed()
    }

    /// Whether what is published goes out: all that was open before is open again.
    var canPublish: Bool { keeper.state == .open || keeper.state == .draining }
}
