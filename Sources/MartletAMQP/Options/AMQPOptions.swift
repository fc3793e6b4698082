public import Martlet

/// How to connect to an AMQP broker.
public struct AMQPOptions: Sendable {
    /// A broker's address.
    public struct Server: Sendable, Hashable {
        /// Its name or numeric address. Of a name with several addresses each is tried.
        public var host: String
        /// Its port.
        public var port: Int

        /// An address; the port is 5672 unless told.
        public init(host: String, port: Int = 5672) {
            self.host = host
            self.port = port
        }
    }

    /// Who connects, and how that is shown.
    public enum Credentials: Sendable, Hashable {
        /// By name and password (SASL's PLAIN).
        case plain(user: String, password: String)
        /// By the client's certificate (SASL's EXTERNAL). RabbitMQ needs the plugin `rabbitmq_auth_mechanism_ssl`.
        case external
    }

    /// Where replies to this connection's calls come.
    public enum Replies: Sendable, Hashable {
        /// To a pseudo-queue of the broker (`amq.rabbitmq.reply-to`): the fastest, and nothing to declare.
        case direct
        /// To a queue that this connection declares for itself and that goes with it: for brokers and bridges that do
        /// not know the other.
        case queue
    }

    /// Where the broker is: each is tried in turn until one answers.
    public var servers: [Server]
    /// What every connection can be told. Its name is shown by the broker's management.
    public var connection: ConnectionOptions
    /// Who connects. The password appears in no log and no description.
    public var credentials: Credentials
    /// The virtual host.
    public var virtualHost: String
    /// How the link is secured; `nil`: not at all.
    public var tls: TLSOptions?
    /// After what silence each side says that it is there; after twice that it is taken for dead. Whole seconds up to
    /// 65,535, or zero: never. The broker may want it shorter.
    public var heartbeat: Duration
    /// How long an attempt to connect may take, with the broker's answer to it. Any later answer may take as long from when the
    /// broker's system has got the question: what was written before that may be large, and the link slow.
    public var connectTimeout: Duration
    /// When a lost link is tried again.
    public var reconnect: Backoff
    /// How many channels the connection may have, up to 65,535, or 0: as many as the broker allows. Each subscription
    /// and each consumer takes one.
    public var maximumChannels: Int
    /// The largest frame, in bytes, from 4,096; the broker may want it smaller.
    public var maximumFrameSize: Int
    /// The largest body that is accepted from the broker, in bytes. A message with a larger one is refused alone, counted in
    /// `ConnectionStatistics.oversized`, and becomes a dead letter where its queue has such.
    public var maximumReceivedBytes: Int
    /// How many publishes a channel may have under way that the broker has not yet confirmed. The verbs share one channel;
    /// what they publish without a guarantee does not count. Further ones wait.
    public var maximumUnconfirmed: Int
    /// About how many bytes a channel keeps of them, to send them again if the link is lost. One may always be larger.
    public var maximumUnconfirmedBytes: Int
    /// The exchange that topics are published to and subscribed at. It is of type `topic`, and exists.
    public var exchange: String
    /// What the queues of ``AMQPConnection/send(_:to:options:)`` and ``AMQPConnection/consume(from:options:)`` are made
    /// of, where they don't exist yet. Quorum queues count how often a message was delivered, which classic ones don't.
    public var queueKind: AMQPQueue.Kind
    /// Whether they outlive a restart of the broker. If not they are declared as programs do that say nothing of a queue but its
    /// name, without a kind: so both get along, for RabbitMQ refuses to declare a queue in two ways.
    public var queuesAreDurable: Bool
    /// What else they are declared with.
    public var queueArguments: AMQPTable
    /// Where replies come.
    public var replies: Replies

    /// To this machine as `guest`, unless told.
    public init(
        servers: [Server] = [Server(host: "localhost")],
        connection: ConnectionOptions = ConnectionOptions(),
        credentials: Credentials = .plain(user: "guest", password: "guest"),
        virtualHost: String = "/",
        tls: TLSOptions? = nil,
        heartbeat: Duration = .seconds(60),
        connectTimeout: Duration = .seconds(10),
        reconnect: Backoff = Backoff(),
        maximumChannels: Int = 2_047,
        maximumFrameSize: Int = 128 << 10,
        maximumReceivedBytes: Int = 128 << 20,
        maximumUnconfirmed: Int = 4_096,
        maximumUnconfirmedBytes: Int = 64 << 20,
        exchange: String = "amq.topic",
        queueKind: AMQPQueue.Kind = .quorum,
        queuesAreDurable: Bool = true,
        queueArguments: AMQPTable = [:],
        replies: Replies = .direct
    ) {
        self.servers = servers
        self.connection = connection
        self.credentials = credentials
        self.virtualHost = virtualHost
        self.tls = tls
        self.heartbeat = heartbeat
        self.connectTimeout = connectTimeout
        self.reconnect = reconnect
        self.maximumChannels = maximumChannels
        self.maximumFrameSize = maximumFrameSize
        self.maximumReceivedBytes = maximumReceivedBytes
        self.maximumUnconfirmed = maximumUnconfirmed
        self.maximumUnconfirmedBytes = maximumUnconfirmedBytes
        self.exchange = exchange
        self.queueKind = queueKind
        self.queuesAreDurable = queuesAreDurable
        self.queueArguments = queueArguments
        self.replies = replies
    }

    /// Throws `MessagingError.Code.invalidArgument`, naming the option, for one that has no meaning.
    func validate() throws {
        func check(_ holds: Bool, _ problem: @autoclosure () -> String) throws {
            guard holds else { throw MessagingError(.invalidArgument, "AMQP options: \(problem())") }
        }
        try check(!servers.isEmpty, "there is no server to connect to")
        for server in servers {
            try check(!server.host.isEmpty, "a server's host is empty")
            try check((1...65_535).contains(server.port), "the port \(server.port) is not between 1 and 65535")
        }
        try check(
            (0...65_535).contains(heartbeat.components.seconds) && heartbeat.components.attoseconds == 0,
            "the heartbeat is \(heartbeat); it is a whole number of seconds up to 65535, or 0 for none"
        )
        try check(connectTimeout > .zero, "the connect timeout is \(connectTimeout); it must be positive")
        try check(
            maximumChannels == 0 || (2...65_535).contains(maximumChannels),
            "the maximum of channels is \(maximumChannels); it must be 0 or from 2 to 65535"
        )
        try check(
            (4_096...(16 << 20)).contains(maximumFrameSize),
            "the maximum frame size is \(maximumFrameSize); it must be from 4096 to 16777216 bytes"
        )
        try check(maximumReceivedBytes > 0, "the maximum of received bytes must be positive")
        try check(maximumUnconfirmed > 0, "the maximum of unconfirmed publishes must be positive")
        try check(maximumUnconfirmedBytes > 0, "the maximum of unconfirmed bytes must be positive")
        try ShortText.check(virtualHost, "the virtual host")
        try ShortText.check(exchange, "the exchange")
        try queueArguments.validate()
        if case .plain(let user, let password) = credentials {
            try check(
                !user.utf8.contains(0) && !password.utf8.contains(0),
                "the user or the password holds a zero byte"
            )
        } else {
            try check(tls?.clientCertificate != nil, "the credentials .external need TLS with a client certificate")
        }
        if let will = connection.will {
            try will.topic.validate()
            _ = try WireNames.amqp.topic(will.topic)
            if will.retain {
                throw MessagingError(
                    .unsupported,
                    "AMQP keeps no messages for later subscribers: a will can't be retained"
                )
            }
        }
    }
}

extension AMQPOptions.Credentials: CustomStringConvertible, CustomReflectable {
    /// Who, but not the password.
    public var description: String {
        switch self {
        case .plain(let user, _): "plain(user: \(user), password: \(Secret.mask))"
        case .external: "external"
        }
    }

    /// What `dump` shows: no password.
    public var customMirror: Mirror { Mirror(self, children: ["description": description]) }
}
