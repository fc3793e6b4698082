public import Martlet
import MartletTransport

extension AMQPOptions {
    /// The options that a URL says: `amqp://user:password@host:port,host2/virtual-host?heartbeat=30`.
    ///
    /// Several hosts are the nodes of one cluster. Without a path the virtual host is `/`; what has a meaning in a URL is
    /// written with percent signs, such as `%2F` for a slash in the virtual host's name. With `amqps` the link is secured
    /// by TLS and the port is 5671 unless told.
    ///
    /// | option | meaning |
    /// |---|---|
    /// | `heartbeat` | ``heartbeat``, in whole seconds |
    /// | `channel_max` | ``maximumChannels`` |
    /// | `frame_max` | ``maximumFrameSize`` |
    /// | `connection_timeout` | ``connectTimeout``, in milliseconds |
    /// | `auth_mechanism` | `plain` or `external` |
    /// | `replies` | ``replies``: `direct` or `queue` |
    /// | `exchange` | ``exchange`` |
    /// | `queue_type` | ``queueKind``: `quorum` or `classic`; `transient`: ``queuesAreDurable`` is `false` |
    /// | `name` | the connection's name |
    ///
    /// and, for TLS, `cafile`, `capath`, `certfile`, `keyfile`, `keypassword`, `verify`, `servername`, `tlsversion`,
    /// `ciphers`, `alpn`; see `TLSOptions`.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` with the part that is wrong.
    public init(url text: String, connection: ConnectionOptions = ConnectionOptions()) throws {
        self.init()
        self.connection = connection
        let link = try LinkURL(text, schemes: ["amqp": .tcp(port: 5_672), "amqps": .tls(port: 5_671)])
        let url = link.url
        servers = link.hosts { Server(host: $0, port: $1) }
        tls = link.tls
        if url.user != nil || url.password != nil {
            credentials = .plain(user: url.user ?? "guest", password: url.password ?? "guest")
        }
        if !url.path.isEmpty { virtualHost = String(url.path.dropFirst()) }
        var query = link.options
        if let seconds = try query.int("heartbeat", in: 0...65_535) { heartbeat = .seconds(seconds) }
        if let count = try query.int("channel_max", in: 0...65_535) { maximumChannels = count }
        if let size = try query.int("frame_max", in: 0...(16 << 20)) {
            maximumFrameSize = size == 0 ? 128 << 10 : size
        }
        if let milliseconds = try query.int("connection_timeout", in: 1...86_400_000) {
            connectTimeout = .milliseconds(milliseconds)
        }
        if try query.choice("auth_mechanism", ["plain": false, "external": true]) == true { credentials = .external }
        replies = try query.choice("replies", ["direct": .direct, "queue": .queue]) ?? replies
        if let name = query.string("exchange") { exchange = name }
        let kinds: KeyValuePairs<String, AMQPQueue.Kind?> = ["quorum": .quorum, "classic": .classic, "transient": nil]
        if let choice = try query.choice("queue_type", kinds) {
            queuesAreDurable = choice != nil
            queueKind = choice ?? queueKind
        }
        if let name = query.string("name") { self.connection.name = name }
        try query.finish()
        try validate()
    }
}

extension AMQPConnection: BrokerConnection {
    /// Connects as a URL says; see ``AMQPOptions/init(url:connection:)`` and ``connect(_:)``.
    public static func connect(
        to url: String,
        connection: ConnectionOptions = ConnectionOptions()
    ) async throws -> AMQPConnection {
        try await connect(AMQPOptions(url: url, connection: connection))
    }
}
