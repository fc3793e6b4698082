import DequeModule
import Martlet
import MartletTransport
import Synchronization

/// The work behind a connection: the library's client, the link, and everything that is restored when the link was
/// lost. It lives on the connection's loop, which alone touches the library.
///
/// ``MQTTConnection`` is what users hold; it ends the session when it is closed or dropped.
actor MQTTSession: LinkSession {
    nonisolated let loop: EventLoop
    nonisolated let options: MQTTOptions
    nonisolated let runtime: ConnectionRuntime
    nonisolated let gate: FlowGate
    nonisolated let outbox: Outbox<Outgoing>
    nonisolated let offline: OfflineBuffer<Outgoing>
    nonisolated let bell: Bell
    /// What the broker is able to do, for those who ask from outside the loop.
    nonisolated let limits = Mutex(BrokerLimits())
    nonisolated let hasToldOfSlash = Atomic(false)

    var client: Mosquitto
    let keeper: LinkKeeper
    var watch: Watch?
    var ticker: Timers.ID?
    var keepAlive: KeepAlive?
    var broker: ConnectAcknowledgement?
    let subscriptions: Subscriptions
    /// When it has to be seen again whether the socket is read.
    var interestTimer: Timers.ID?
    /// Which of the servers the link is to.
    var server = 0
    var inFlight: InFlight<Outgoing>
    var culprit = CulpritSearch<ObjectIdentifier>()
    /// What the broker has confirmed and nobody was told yet: until as many have come, or the library has returned.
    var confirmed: [(promise: Promise<PublishReason>, result: Result<PublishReason, any Error>)] = []
    var aliases = TopicAliases(limit: 0)
    var backlog = Backlog()
    /// What goes before the outbox: what was sent over a link that was lost and not confirmed, and what waits for
    /// room in the window.
    var first: Deque<Outgoing> = []
    /// Nothing is read, so that what the broker keeps stays with it.
    var isResting = false
    /// There is more to send, which the socket had no room for.
    var isHeldUp = false
    /// What the library's callbacks told, to be looked at when the library has returned.
    var acknowledgement: ConnectAcknowledgement?
    /// The first reason that the broker gave for its farewell.
    var brokersReason: CInt?

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(_ options: MQTTOptions, loop: EventLoop) throws {
        try options.validate()
        self.options = options
        self.loop = loop
        let runtime = ConnectionRuntime(options.connection, names: .mqtt)
        self.runtime = runtime
        client = try Mosquitto(options, clientID: runtime.name, wire: runtime.wire)
        keeper = LinkKeeper(options.link, options.connection)
        subscriptions = Subscriptions(options, runtime)
        inFlight = InFlight(window: options.maximumInFlight)
        let bell = Bell(loop)
        self.bell = bell
        gate = FlowGate(on: bell) { bell.answer() }
        outbox = Outbox(limit: 1_024, maximumBytes: 16 << 20) { bell.ring() }
        offline = OfflineBuffer(options.connection.whileOffline)
        subscriptions.belong(to: self)
        try loop.open()
        bell.listen { [weak self] in self?.assumeIsolated { $0.work() } }
    }

    /// What the bell is rung for.
    func work() {
        guard keeper.isUp else { return }
        attend {
            // A reader has caught up, perhaps, and TLS has read what makes no socket ready.
            if client.readsAhead, !isDeaf { try receive() }
            try send()
        }
        keeper.progressed()
    }
}
