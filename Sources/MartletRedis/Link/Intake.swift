import Martlet
import MartletTransport

/// What any thread may reach of a session, and by which it is called.
final class Intake: Sendable {
    let loop: EventLoop
    let bell: Bell
    /// Rung for what is in the outbox alone.
    let outboxBell: Bell
    let outbox: CommandOutbox
    let offline: OfflineBuffer<Request>
    let gate: FlowGate
    /// What was told about deliveries, and is to be told to the server.
    let settlements = SettlementBox()
    /// The calls of this connection, as far as the wire is concerned.
    let calls = CallBook()
    /// What the server's clock says, compared with this machine's.
    let clock = ServerClock()

    init(_ options: ConnectionOptions, on loop: EventLoop) {
        self.loop = loop
        let bell = Bell(loop)
        self.bell = bell
        gate = FlowGate(on: bell) { bell.answer() }
        let outboxBell = Bell(loop)
        self.outboxBell = outboxBell
        outbox = CommandOutbox(limit: 4_096, maximumBytes: 1 << 20) { outboxBell.ring() }
        offline = OfflineBuffer(options.whileOffline)
    }
}
