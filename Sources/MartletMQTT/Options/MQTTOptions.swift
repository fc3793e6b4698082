public import Martlet

/// How to connect to an MQTT broker.
public struct MQTTOptions: Sendable {
    /// A broker's address.
    public struct Server: Sendable, Hashable {
        /// Its name or numeric address. Of a name with several addresses each is tried.
        public var host: String
        /// Its port.
        public var port: Int

        /// An address; the port is 1883 unless told.
        public init(host: String, port: Int = 1883) {
            self.host = host
            self.port = port
        }
    }

    /// Where the broker is: each is tried in turn until one answers.
    public var servers: [Server]
    /// What every connection can be told. Its name is the client's identifier at the broker.
    public var connection: ConnectionOptions
    /// The version of the protocol.
    public var version: MQTTVersion
    /// Who connects.
    public var username: String?
    /// With what password. It appears in no log and no description.
    public var password: String? {
        get { secret?.value }
        set { secret = newValue.map { Secret($0) } }
    }
    private var secret: Secret?
    /// How the link is secured; `nil`: not at all.
    public var tls: TLSOptions?
    /// What the broker keeps between two links.
    public var session: MQTTSessionState
    /// After what silence one side asks the other whether it is there; after half as much again it takes it for
    /// dead, unless what was written before the question is still arriving there. Whole seconds from 5 to 65,535, or zero: never.
    public var keepAlive: Duration
    /// How long an attempt to connect may take, with the broker's answer to it. Any later answer may take as long from when the
    /// broker's system has got the question: what was written before that may be large, and the link slow.
    public var connectTimeout: Duration
    /// When a lost link is tried again.
    public var reconnect: Backoff
    /// How many guaranteed publishes may be under way unconfirmed, at most 65,535. More than 16,384 never are, and the broker
    /// may allow fewer.
    public var maximumInFlight: Int
    /// How many guaranteed messages the broker may have under way to here, at most 65,535 (MQTT 5).
    public var receiveMaximum: Int
    /// The largest packet that the broker may send, in bytes; `nil`: the protocol's limit of 256 MiB. A broker of MQTT 5 is
    /// told, and leaves out larger messages. A larger one that comes all the same ends the link.
    public var maximumPacketSize: Int?
    /// How many bytes the messages may have together that the broker has sent with QoS 2 and not released, which have to be
    /// kept until then; a single one may always be larger. More of them end the link, as do more than ``receiveMaximum``
    /// messages.
    public var maximumReceivedBytes: Int
    /// The name under which consumers of one queue share it: MQTT's `$share/<group>/<queue>`.
    public var queueGroup: String
    /// Whether consumers of one queue share it. Brokers of MQTT 5 let them, and most of those that speak 3.1.1 as
    /// well (mosquitto does); where one does not, each consumer gets every message, as commlib-py's services do.
    public var sharesQueues: Bool
    /// For how many topics a number is sent instead of the name (MQTT 5), as far as the broker allows.
    public var topicAliases: Int

    /// MQTT 5 to this machine, nothing kept between links, unless told.
    public init(
        servers: [Server] = [Server(host: "localhost")],
        connection: ConnectionOptions = ConnectionOptions(),
        version: MQTTVersion = .v5,
        username: String? = nil,
        password: String? = nil,
        tls: TLSOptions? = nil,
        session: MQTTSessionState = .clean,
        keepAlive: Duration = .seconds(60),
        connectTimeout: Duration = .seconds(10),
        reconnect: Backoff = Backoff(),
        maximumInFlight: Int = 100,
        receiveMaximum: Int = 65_535,
        maximumPacketSize: Int? = nil,
        maximumReceivedBytes: Int = 128 << 20,
        queueGroup: String = "martlet",
        sharesQueues: Bool = true,
        topicAliases: Int = 0
    ) {
        self.servers = servers
        self.connection = connection
        self.version = version
        self.username = username
        secret = password.map { Secret($0) }
        self.tls = tls
        self.session = session
        self.keepAlive = keepAlive
        self.connectTimeout = connectTimeout
        self.reconnect = reconnect
        self.maximumInFlight = maximumInFlight
        self.receiveMaximum = receiveMaximum
        self.maximumPacketSize = maximumPacketSize
        self.maximumReceivedBytes = maximumReceivedBytes
        self.queueGroup = queueGroup
        self.sharesQueues = sharesQueues
        self.topicAliases = topicAliases
    }

    /// How much the broker may send.
    var limits: PacketGuard.Limits {
        PacketGuard.Limits(
            packetBytes: maximumPacketSize ?? 268_435_460,
            unreleasedBytes: maximumReceivedBytes,
            unreleased: receiveMaximum
        )
    }

    /// Throws `MessagingError.Code.invalidArgument`, naming the option, for one that has no meaning.
    func validate() throws {
        func check(_ holds: Bool, _ problem: @autoclosure () -> String) throws {
            guard holds else { throw MessagingError(.invalidArgument, "MQTT options: \(problem())") }
        }
        try check(!servers.isEmpty, "there is no server to connect to")
        for server in servers {
            try check(!server.host.isEmpty, "a server's host is empty")
            try check((1...65_535).contains(server.port), "the port \(server.port) is not between 1 and 65535")
        }
        let seconds = keepAlive.components.seconds
        try check(
            keepAlive == .zero || (5...65_535).contains(seconds) && keepAlive.components.attoseconds == 0,
            "the keep-alive is \(keepAlive); it is a whole number of seconds from 5 to 65535, or 0 for none"
        )
        try check(connectTimeout > .zero, "the connect timeout is \(connectTimeout); it must be positive")
        try check(
            (1...65_535).contains(maximumInFlight),
            "the maximum in flight is \(maximumInFlight); it must be from 1 to 65535"
        )
        try check(
            (1...65_535).contains(receiveMaximum),
            "the receive maximum is \(receiveMaximum); it must be from 1 to 65535"
        )
        if let size = maximumPacketSize {
            try check(
                (64...268_435_460).contains(size),
                "the maximum packet size is \(size); it must be from 64 to 268435460 bytes"
            )
        }
        try check(
            maximumReceivedBytes >= 64,
            "the maximum of received bytes is \(maximumReceivedBytes); it must be at least 64"
        )
        try check(
            !queueGroup.isEmpty && !queueGroup.contains { "/+#".contains($0) },
            "the queue group \(quoted(queueGroup)) is not one level of a topic"
        )
        try check((0...65_535).contains(topicAliases), "the topic aliases are \(topicAliases); 0 to 65535 are possible")
        try check(password == nil || username != nil, "there is a password but no user name")
        for (what, text) in [("user name", username), ("password", password)] {
            let bytes = text?.utf8.count ?? 0
            try check(bytes <= 65_535, "the \(what) has \(bytes) bytes; MQTT carries 65535 at most")
        }
        if case .persistent(let expiry) = session {
            try check(
                connection.name != nil,
                "a persistent session needs a name that is the same each time: set the connection's name"
            )
            if let expiry { try check(expiry > .zero, "the session's expiry is \(expiry); it must be positive") }
        }
        if let name = connection.name {
            try check(
                !name.isEmpty && name.utf8.count <= 65_535 && !name.utf8.contains(0),
                "the connection's name can't be a client identifier: it is empty, too long or holds a zero byte"
            )
        }
        if let will = connection.will {
            try will.topic.validate()
            let bytes = try WireNames.mqtt.topic(will.topic).utf8.count
            try check(bytes <= 65_535, "the will's topic has \(bytes) bytes; MQTT carries 65535 at most")
        }
    }
}
