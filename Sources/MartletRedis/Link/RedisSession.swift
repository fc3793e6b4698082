import Martlet
import MartletTransport

/// The work behind a connection: its sockets, what is under way on them, and everything that is restored when they were
/// lost. It lives on the connection's loop, and so do its parts.
///
/// There is one socket for commands, which are pipelined; one for what is subscribed to, and one for replies, since
/// neither takes commands; one for each set of reply lists, and one for each consumer, since they block. The loss of
/// any of them is the loss of the link: all are made anew, so that nobody has to wonder which part of the connection
/// is there. Of a cluster, that is so for those to the node that the link began with. The loss of one to another node is the
/// loss of all to that node, and of nothing else. The loss of one that is for signs of life alone is that of nothing else.
///
/// ``RedisConnection`` is what users hold; it ends the session when it is closed or dropped.
actor RedisSession: LinkSession {
    /// What a socket is for.
    enum Role: Hashable {
        case command
        /// Commands about keys that another node of the cluster keeps.
        case node(Destination)
        /// Signs of life to a node, `nil` where the link began, while what goes before them by its socket for commands is on
        /// its way.
        case signs(Destination?)
        case subscriber
        case replies
        case replyLists(Int)
        case consumer(Int)

        var takesCommands: Bool {
            switch self {
            case .command, .node, .signs: true
            case .subscriber, .replies, .replyLists, .consumer: false
            }
        }

        /// Whether published messages come by it.
        var hearsPushes: Bool {
            switch self {
            case .subscriber, .replies: true
            case .command, .node, .signs, .replyLists, .consumer: false
            }
        }
    }

    nonisolated let options: RedisOptions
    nonisolated let runtime: ConnectionRuntime
    nonisolated let intake: Intake
    let keeper: LinkKeeper
    let sockets = Sockets()
    let commands = Commands()
    let subscribers = Subscribers()
    let replies = Replies()
    let consumers = Consumers()
    let signs: LifeSigns

    nonisolated var loop: EventLoop { intake.loop }
    nonisolated var bell: Bell { intake.bell }
    nonisolated var outbox: CommandOutbox { intake.outbox }
    nonisolated var calls: CallBook { intake.calls }
    nonisolated var clock: ServerClock { intake.clock }

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(_ options: RedisOptions, loop: EventLoop) throws {
        try options.validate()
        self.options = options
        runtime = ConnectionRuntime(options.connection)
        intake = Intake(options.connection, on: loop)
        keeper = LinkKeeper(options.link, options.connection)
        signs = LifeSigns(of: runtime.name)
        try loop.open()
        intake.bell.listen { [weak self] in self?.assumeIsolated { $0.work() } }
        intake.outboxBell.listen { [weak self] in self?.assumeIsolated { $0.commands.send($0) } }
    }

    /// What the bell is rung for.
    func work() {
        outbox.release()
        consumers.settle(self)
        replies.tend(self)
        commands.send(self)
        subscribers.updatePause(self)
    }

    /// The command that runs a script.
    func script(_ script: [UInt8], keys: [[UInt8]], _ arguments: [[UInt8]]) -> [[UInt8]] {
        // Redis 7 has scripts say what they need. One that does not tell its version is taken for one of today.
        let hasFlags = sockets.server.version.map { $0 >= 7 } ?? true
        return Scripts.run((hasFlags ? Scripts.allowance : []) + script, keys: keys, arguments)
    }
}
