import DequeModule
import Martlet
import MartletTransport
import Synchronization

/// The work behind a connection: the library's client, the link, and everything that is restored when the link was
/// lost. It lives on the connection's loop, which alone touches the library.
///
/// ``MQTTConnection`` is what users hold; it ends the session when it is closed or dropped.
actor MQTTSession {
    enum Phase {
        /// No link.
        case idle
        /// A link is being opened; the promise tells how that ends.
        case opening(Promise<Void>)
        /// There is a link.
        case open
        /// The link is being ended in order.
        case closing
        case closed
    }

    nonisolated let loop: EventLoop
    nonisolated let options: MQTTOptions
    nonisolated let runtime: ConnectionRuntime
    nonisolated let gate: FlowGate
    nonisolated let outbox: Outbox<Outgoing>
    nonisolated let offline: OfflineBuffer<Outgoing>
    nonisolated let bell: Bell
    /// What the broker is able to do, for those who ask from outside the loop.
    nonisolated let limits = Mutex(BrokerLimits())
    nonisolated let hasEnded = Atomic(false)
    nonisolated let hasToldOfSlash = Atomic(false)

    var client: Mosquitto
    /// For each host, since a context checks the certificate of one.
    let tls: [String: TLSContext]
    var phase = Phase.idle
    var watch: Watch?
    var ticker: Timer?
    /// Runs from the broker's answer until what was subscribed to is subscribed to again.
    var restoring: Timer?
    var keepAlive: KeepAlive?
    var broker: ConnectAcknowledgement?
    /// Tries to get the link back. Owned: it ends with the link, and is cancelled by `close`.
    var reconnecting: Task<Void, Never>?
    var table = SubscriptionTable<Receiver>()
    var names = TopicCache(.mqtt)
    /// Who waits for the broker's answer to a SUBSCRIBE, by the packet's number.
    var subscribing: [CInt: PendingSubscribe] = [:]
    var inFlight: InFlight<Outgoing>
    /// What the broker has confirmed and nobody was told yet: until as many have come, or the library has returned.
    var confirmed: [(promise: Promise<PublishReason>, result: Result<PublishReason, any Error>)] = []
    var aliases = TopicAliases(limit: 0)
    var orphans = Orphans()
    var backlog = Backlog()
    /// What goes before the outbox: what was sent over a link that was lost and not confirmed, and what waits for
    /// room in the window.
    var first: Deque<Outgoing> = []
    /// There is more to send, which the socket had no room for.
    var isHeldUp = false
    /// Told of progress in writing.
    var writing: Promise<Void>?
    /// What the library's callbacks told, to be looked at when the library has returned.
    var acknowledgement: ConnectAcknowledgement?
    var brokersReason: CInt?

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(_ options: MQTTOptions, loop: EventLoop) throws {
        try options.validate()
        self.options = options
        self.loop = loop
        let runtime = ConnectionRuntime(options.connection, names: .mqtt)
        self.runtime = runtime
        tls =
            try options.tls.map { tls in
                try Dictionary(options.servers.map { ($0.host, try TLSContext(tls, host: $0.host)) }) { first, _ in
                    first
                }
            } ?? [:]
        client = try Mosquitto(options, clientID: runtime.name, wire: runtime.wire)
        inFlight = InFlight(window: options.maximumInFlight)
        let bell = Bell(loop)
        self.bell = bell
        gate = FlowGate(on: loop) { bell.answer() }
        outbox = Outbox(limit: 1_024, maximumBytes: 16 << 20) { bell.ring() }
        offline = OfflineBuffer(options.connection.whileOffline)
        loop.open()
        bell.listen(self)
    }

    /// What the bell is rung for.
    func work() {
        guard case .open = phase else { return }
        attend { try send() }
        writing?.end(.success(()))
    }
}
