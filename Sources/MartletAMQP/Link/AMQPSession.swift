import Martlet
import MartletTransport

/// The work behind a connection: the link, its channels, and everything that is restored when the link was lost. It lives
/// on the connection's loop, and so do its parts, each with what it alone knows.
///
/// ``AMQPConnection`` is what users hold; it ends the session when it is closed or dropped.
actor AMQPSession: LinkSession {
    nonisolated let options: AMQPOptions
    nonisolated let bell: Bell
    nonisolated let outlet: Outlet<Outgoing>
    /// Held by readers that no prefetch protects and that are behind.
    nonisolated let gate: FlowGate
    let keeper: LinkKeeper
    let wire = Wire()
    let channels: ChannelTable
    let publishing: Publishing
    let consuming: Consuming
    let declarations = Declarations()

    nonisolated var loop: EventLoop { bell.loop }
    nonisolated var runtime: ConnectionRuntime { outlet.runtime }
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// - Parameter events: told what the broker says beside the answers.
    init(_ options: AMQPOptions, loop: EventLoop, events: EventBroadcast) throws {
        try options.validate()
        self.options = options
        let runtime = ConnectionRuntime(options.connection, names: .amqp)
        let bell = Bell(loop)
        self.bell = bell
        outlet = Outlet(
            runtime,
            Outbox(limit: 1_024, maximumBytes: 16 << 20) { bell.ring() },
            OfflineBuffer(options.connection.whileOffline),
            bell
        )
        gate = FlowGate(on: bell) { bell.ring() }
        keeper = LinkKeeper(options.link, options.connection)
        let settlements = SettlementQueue {
            bell.ring()
        } countStale: {
            runtime.count(
                \.staleDeliveries,
                "a delivery whose channel was lost before it was read: it is delivered again"
            )
        }
        channels = ChannelTable(settlements, maximumBodyBytes: options.maximumReceivedBytes)
        publishing = Publishing(events)
        consuming = Consuming(options.connection.will)
        try loop.open()
        bell.listen { [weak self] in self?.assumeIsolated { $0.work() } }
    }

    /// What the bell is rung for.
    func work() {
        switch keeper.state {
        case .restoring, .open, .draining, .closing: attend { try settle() }
        case .idle, .opening, .closed: _ = channels.takeSettlements()
        }
        consuming.work(self)
        readRest()
        guard canPublish else { return }
        attend { try publishing.send(self) }
        keeper.progressed()
    }

    /// Whether what is published goes out: all that was open before is open again.
    var canPublish: Bool { keeper.state == .open || keeper.state == .draining }
}
