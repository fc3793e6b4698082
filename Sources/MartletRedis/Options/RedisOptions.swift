public import Martlet

/// How to connect to a Redis server.
public struct RedisOptions: Sendable {
    /// A server's address.
    public enum Server: Sendable, Hashable {
        /// Its name or numeric address, and its port. Of a name with several addresses each is tried.
        case tcp(host: String, port: Int = 6_379)
        /// The path of a socket of this machine.
        case unix(path: String)
    }

    /// Where the server is: each is tried in turn until one answers. Of a cluster any nodes.
    public var servers: [Server]
    /// What every connection can be told. Its name is the client's name at the server.
    public var connection: ConnectionOptions
    /// Who connects; `nil` with a password: Redis' user `default`.
    public var username: String?
    /// With what password. It appears in no log and no description.
    public var password: String? {
        get { secret?.value }
        set { secret = newValue.map { Secret($0) } }
    }
    private var secret: Secret?
    /// The number of the database. It separates keys, and so queues; topics are common to all databases.
    public var database: Int
    /// How the link is secured; `nil`: not at all.
    public var tls: TLSOptions?
    /// How long an attempt to connect may take, with the server's answer to it.
    public var connectTimeout: Duration
    /// How long the server may take to answer before it is taken for dead. That begins when it has got all of the command, as long
    /// as more of that arrives.
    public var responseTimeout: Duration
    /// After what silence the server is asked whether it is there; `nil`: only as often as it wants to hear something
    /// (`timeout`), which is regarded in any case.
    public var keepAlive: Duration?
    /// When a lost link is tried again.
    public var reconnect: Backoff
    /// For how long a consumer is believed to be alive, and a will to be premature, after the last sign of life: when a
    /// process was killed, this is the time after which others get what it held. A sign is given three times as often.
    public var lease: Duration
    /// What is appended to a queue's name for the list of its dead letters: what was rejected, or has expired. `nil`:
    /// they are dropped.
    public var deadLetterSuffix: String?
    /// How long a reply waits for a caller of another library that does not look for it, and replies of other libraries
    /// for a caller that has died: the list is then deleted.
    public var replyExpiry: Duration
    /// How long a message that requires a consumer may lie in the queue of one that has shown no sign of life, which
    /// those of other libraries never do, without moving up, before it is taken back as one that nobody consumes.
    public var responderGrace: Duration
    /// The largest reply that is taken in, in bytes. A larger one is thrown away, and its command fails; a larger element of
    /// a queue is put aside. It should be larger than what is sent.
    public var maximumReplyBytes: Int

    /// The server on this machine, unless told.
    public init(
        servers: [Server] = [.tcp(host: "localhost")],
        connection: ConnectionOptions = ConnectionOptions(),
        username: String? = nil,
        password: String? = nil,
        database: Int = 0,
        tls: TLSOptions? = nil,
        connectTimeout: Duration = .seconds(10),
        responseTimeout: Duration = .seconds(15),
        keepAlive: Duration? = .seconds(30),
        reconnect: Backoff = Backoff(),
        lease: Duration = .seconds(10),
        deadLetterSuffix: String? = nil,
        replyExpiry: Duration = .seconds(60),
        responderGrace: Duration = .milliseconds(50),
        maximumReplyBytes: Int = 64 << 20
    ) {
        self.servers = servers
        self.connection = connection
        self.username = username
        secret = password.map { Secret($0) }
        self.database = database
        self.tls = tls
        self.connectTimeout = connectTimeout
        self.responseTimeout = responseTimeout
        self.keepAlive = keepAlive
        self.reconnect = reconnect
        self.lease = lease
        self.deadLetterSuffix = deadLetterSuffix
        self.replyExpiry = replyExpiry
        self.responderGrace = responderGrace
        self.maximumReplyBytes = maximumReplyBytes
    }

    /// Throws `MessagingError.Code.invalidArgument`, naming the option, for one that has no meaning.
    func validate() throws {
        func check(_ holds: Bool, _ problem: @autoclosure () -> String) throws {
            guard holds else { throw MessagingError(.invalidArgument, "Redis options: \(problem())") }
        }
        try check(!servers.isEmpty, "there is no server to connect to")
        for server in servers {
            switch server {
            case .tcp(let host, let port):
                try check(!host.isEmpty, "a server's host is empty")
                try check((1...65_535).contains(port), "the port \(port) is not between 1 and 65535")
            case .unix(let path):
                try check(
                    !path.isEmpty && path.utf8.count < 108 && !path.utf8.contains(0),
                    "the socket's path \(quoted(path)) is empty, has more than 107 bytes or holds a zero byte"
                )
                try check(tls == nil, "there is no TLS on a socket of this machine")
            }
        }
        try check(username == nil || password != nil, "there is a user name but no password")
        try check((0...16_383).contains(database), "the database \(database) is not between 0 and 16383")
        for (name, time) in [
            ("connect timeout", connectTimeout), ("response timeout", responseTimeout), ("lease", lease),
            ("reply expiry", replyExpiry), ("keep-alive", keepAlive ?? .seconds(1)),
        ] {
            try check(time >= .milliseconds(10), "the \(name) is \(time); it must be at least 10 ms")
        }
        try check(responderGrace >= .zero, "the responder grace is \(responderGrace); it can't be negative")
        try check(deadLetterSuffix != "", "the dead-letter suffix is empty, so that dead letters would never leave")
        try check(
            maximumReplyBytes >= 64 << 10,
            "the maximum of a reply is \(maximumReplyBytes) bytes; it must be at least 65536"
        )
        if let name = connection.name {
            try check(
                !name.isEmpty && name.utf8.allSatisfy { $0 > 32 && $0 < 127 },
                "the connection's name can't be a client's name: it is empty, or holds a space or what is not ASCII"
            )
        }
        if let will = connection.will { try will.topic.validate() }
    }
}
