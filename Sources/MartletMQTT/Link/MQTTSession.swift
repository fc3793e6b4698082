import Martlet
import MartletTransport
import Synchronization

/// The work behind a connection: the library's client, the link, and everything that is restored when the link was
/// lost. It lives on the connection's loop, which alone touches the library, and so do its parts, each with what it alone
/// knows.
///
/// ``MQTTConnection`` is what users hold; it ends the session when it is closed or dropped.
actor MQTTSession: LinkSession {
    nonisolated let options: MQTTOptions
    nonisolated let bell: Bell
    nonisolated let outlet: Outlet<Outgoing>
    /// Held by readers that no prefetch protects and that are behind.
    nonisolated let gate: FlowGate
    /// What the broker is able to do, for those who ask from outside the loop.
    nonisolated let limits = Mutex(BrokerLimits())
    /// Why no replies come at present, for those who ask from outside the loop.
    nonisolated let deafness = Mutex<Deafness?>(nil)
    nonisolated let hasToldOfSlash = Atomic(false)

    var client: Mosquitto
    let keeper: LinkKeeper
    var handshake = Handshake()
    let reading = Reading()
    let pulse = Pulse()
    let publishing: Publishing
    let subscriptions: Subscriptions

    nonisolated var loop: EventLoop { bell.loop }
    nonisolated var runtime: ConnectionRuntime { outlet.runtime }
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(_ options: MQTTOptions, loop: EventLoop) throws {
        try options.validate()
        self.options = options
        let runtime = ConnectionRuntime(options.connection, names: .mqtt)
        let bell = Bell(loop)
        self.bell = bell
        outlet = Outlet(
            runtime,
            Outbox(limit: 1_024, maximumBytes: 16 << 20) { bell.ring() },
            OfflineBuffer(options.connection.whileOffline),
            bell
        )
        gate = FlowGate(on: bell) { bell.answer() }
        client = try Mosquitto(options, clientID: runtime.name, wire: runtime.wire)
        keeper = LinkKeeper(options.link, options.connection)
        publishing = Publishing(window: options.maximumInFlight)
        subscriptions = Subscriptions(options, runtime)
        subscriptions.belong(to: self)
        try loop.open()
        bell.listen { [weak self] in self?.assumeIsolated { $0.work() } }
    }

    /// What the bell is rung for.
    func work() {
        guard keeper.isUp else { return }
        attend {
            // A reader has caught up, perhaps, and TLS has read what makes no socket ready.
            if client.readsAhead, !reading.isDeaf(self) { try reading.receive(self) }
            try publishing.send(self)
        }
        keeper.progressed()
    }

    /// Whether the broker, or a responder by it, still has to answer something.
    var awaitsAnswer: Bool {
        publishing.unconfirmedCount > 0 || subscriptions.awaitsAnswer || runtime.hasCallsInFlight
    }
}
