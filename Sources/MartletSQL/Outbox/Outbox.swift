public import Martlet

/// A component that sends what transactions have put into the outbox of a database.
///
/// ``SQLTransaction/send(_:to:headers:codec:)`` and ``SQLTransaction/publish(_:to:headers:codec:)`` put a message into the
/// table `martlet_outbox`, in their transaction. This component takes what was committed, sends it with the broker's
/// confirmation, and deletes it then. So each message is sent if, and only if, its transaction was committed; after a crash
/// perhaps twice, with the same ID.
///
/// Messages are sent in the order of their transactions: by the number that PostgreSQL gave the transaction when it first wrote.
/// No message is passed over. On PostgreSQL those wait that come after the oldest transaction that still runs, whatever that
/// does: a transaction that is left open for hours holds the outbox back. `ComponentHealth.note` says so, and how many
/// messages wait.
///
/// PostgreSQL tells of each commit at once (LISTEN and NOTIFY), by a session that the outbox has beside those of the database.
/// On SQLite, and through a pooler such as PgBouncer, it looks as often as ``Options/interval`` says.
///
/// Of several that run for one outbox, on PostgreSQL, one sends and the others wait to take its place. Programs whose search
/// paths lead to tables of their own have outboxes of their own.
public struct Outbox: Component {
    /// How it looks for messages.
    public struct Options: Sendable, Hashable {
        /// How often it looks for messages where nothing tells of them: on SQLite, after an error, and while messages wait
        /// for another transaction. By default ten times a second.
        public var interval: Duration
        /// How often it looks for messages although PostgreSQL would tell. By default every 5 seconds.
        public var idleInterval: Duration
        /// How many messages are under way at a time. By default 100.
        public var batch: Int

        /// - Parameters:
        ///   - interval: how often it looks where nothing tells of messages.
        ///   - idleInterval: how often it looks where PostgreSQL tells.
        ///   - batch: how many messages are under way at a time.
        public init(
            interval: Duration = .milliseconds(100),
            idleInterval: Duration = .seconds(5),
            batch: Int = 100
        ) {
            self.interval = interval
            self.idleInterval = idleInterval
            self.batch = batch
        }
    }

    /// `Outbox`.
    public let name = "Outbox"
    private let database: any Database
    private let options: Options

    /// The outbox of a database.
    public init(_ database: any Database, options: Options = Options()) {
        self.database = database
        self.options = options
    }

    /// Checks the options.
    public func validate() throws {
        guard options.interval > .zero, options.idleInterval > .zero, options.batch >= 1 else {
            throw MessagingError(.invalidArgument, "an outbox looks at positive intervals, for 1 message or more")
        }
    }

    /// Sends messages until the node stops: what is under way then is finished, and what is left is sent by the next one. While
    /// the database or the broker is away it tries again.
    public func run(in context: NodeContext) async throws { try await OutboxRun(database, options, context)() }
}
