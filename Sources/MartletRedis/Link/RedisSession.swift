import DequeModule
import Martlet
import MartletTransport
import Synchronization

/// The work behind a connection: its sockets, what is under way on them, and everything that is restored when they were
/// lost. It lives on the connection's loop.
///
/// There is one socket for commands, which are pipelined; one for what is subscribed to, and one for replies, since
/// neither takes commands; one for each set of reply lists, and one for each consumer, since they block. The loss of
/// any of them is the loss of the link: all are made anew, so that nobody has to wonder which part of the connection
/// is there.
///
/// ``RedisConnection`` is what users hold; it ends the session when it is closed or dropped.
actor RedisSession: LinkSession {
    /// What a socket is for.
    enum Role: Hashable {
        case command
        /// Commands about keys that another node of the cluster keeps.
        case node(Endpoint)
        case subscriber
        case replies
        case replyLists(Int)
        case consumer(Int)
    }

    nonisolated let loop: EventLoop
    nonisolated let options: RedisOptions
    nonisolated let runtime: ConnectionRuntime
    nonisolated let gate: FlowGate
    nonisolated let outbox: CommandOutbox
    nonisolated let offline: OfflineBuffer<Request>
    nonisolated let bell: Bell
    /// Rung for what is in the outbox alone.
    nonisolated let outboxBell: Bell
    /// What was told about deliveries, and is to be told to the server.
    nonisolated let settlements = SettlementBox()
    /// The calls of this connection, as far as the wire is concerned.
    nonisolated let calls = CallBook()
    /// What the server's clock says, compared with this machine's.
    nonisolated let clock = ServerClock()

    /// Of this connection alone, whatever it is called.
    let willID: String
    /// For each host, since a context checks the certificate of one; those of the present link.
    var tls: [String: TLSContext] = [:]
    let scratch = ScratchBuffer()
    let keeper: LinkKeeper
    var links: [Role: RedisLink] = [:]
    /// Whether all has been open on the present link, so that its loss leaves a gap.
    var wasOpen = false
    /// What had not been sent when the link was let go of, and has no guarantee.
    var unsent = UnansweredCommands()
    /// Finds out that the server is silent.
    var watchdog: Timer?
    /// Shows signs of life. Owned: it lives as long as the link.
    var heartbeat: Task<Void, Never>?
    /// Whether the log says already that signs of life are refused.
    var hasWarned = false

    /// What was sent by each socket for commands, in the order in which it is answered.
    var pending: [Role: PendingCommands] = [:]
    /// Answers that have come, until all replies that were read have been looked at: they end together.
    var answered: [(promise: Answer, result: Result<RedisValue, any Error>)] = []
    /// Where a cluster keeps which keys, as far as it has told.
    var nodes = SlotTable()
    /// What was under way when the link was lost, and is sent again first.
    var unconfirmed: Deque<Request> = []

    /// Sends that wait to see whether anybody takes what they sent.
    var searches: [ObjectIdentifier: ConsumerSearch] = [:]

    var table = SubscriptionTable<Inbox<Delivery>>()
    /// Who waits for the server's answers to what was asked on the subscriber's socket, in order.
    var confirmations: Deque<Promise<Void>?> = []
    var backlog = Backlog()
    /// What was read and not yet delivered. All of it is for the subscribers of the match.
    var batch: Deque<Delivery> = []
    var batchBytes = 0
    var match = ChannelMatch()
    /// Told of each reply, once an address was opened.
    var receiveReply: (@Sendable (Message, String) -> Void)?
    /// How many of this connection's reply lists the server has been told of.
    var knownReach = 0
    /// Who waits for the reply channel.
    var replyConfirmations: Deque<Promise<Void>?> = []

    /// Whether scripts may say what they need: since Redis 7.
    var hasScriptFlags = true
    var consumers: [Int: Consumer] = [:]
    var lastConsumer = 0
    /// What consumers had been given by the link that was lost.
    var lostHoldings: [Int: [[UInt8]]] = [:]
    /// What the server called their sockets, which it may not know to be closed.
    var lostClients: [Int: Int] = [:]

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(_ options: RedisOptions, loop: EventLoop) throws {
        try options.validate()
        self.options = options
        self.loop = loop
        runtime = ConnectionRuntime(options.connection)
        willID = "\(runtime.name)-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        let bell = Bell(loop)
        self.bell = bell
        gate = FlowGate(on: bell) { bell.answer() }
        let outboxBell = Bell(loop)
        self.outboxBell = outboxBell
        outbox = CommandOutbox(limit: 4_096, maximumBytes: 1 << 20) { outboxBell.ring() }
        offline = OfflineBuffer(options.connection.whileOffline)
        keeper = LinkKeeper(options.link, options.connection)
        try loop.open()
        bell.listen { [weak self] in self?.assumeIsolated { $0.work() } }
        outboxBell.listen { [weak self] in self?.assumeIsolated { $0.send() } }
    }

    /// What the bell is rung for.
    func work() {
        outbox.release()
        settle()
        tendReplyLists()
        send()
        updatePause()
    }
}
