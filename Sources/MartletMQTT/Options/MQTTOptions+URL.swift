public import Martlet
import MartletTransport

extension MQTTOptions {
    /// Options of a URL: `mqtt://user:password@host:1883`, or `mqtts://host:8883?cafile=ca.pem` with TLS.
    ///
    /// Several hosts stand between commas. The ports are 1883 and 8883 unless told. Behind a question mark:
    ///
    /// | option | meaning |
    /// |---|---|
    /// | `client` | the client's identifier, `ConnectionOptions.name` |
    /// | `version` | `5` or `3.1.1` |
    /// | `session` | `clean` or `persistent` |
    /// | `sessionexpiry` | for how long the broker keeps a persistent session |
    /// | `keepalive` | see ``keepAlive`` |
    /// | `timeout` | see ``connectTimeout`` |
    /// | `inflight` | see ``maximumInFlight`` |
    /// | `receivemaximum` | see ``receiveMaximum`` |
    /// | `maxpacket` | see ``maximumPacketSize`` |
    /// | `maxreceived` | see ``maximumReceivedBytes`` |
    /// | `group` | see ``queueGroup`` |
    /// | `share` | see ``sharesQueues`` |
    /// | `aliases` | see ``topicAliases`` |
    ///
    /// And with `mqtts` those of TLS: `cafile`, `capath`, `certfile`, `keyfile`, `keypassword`, `verify` (`full`,
    /// `no-host-name` or `none`), `servername`, `tlsversion`, `ciphers`, `alpn`. Times are such as `30s` or `500ms`.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument`, naming the part or option that is wrong.
    public init(url text: String, connection: ConnectionOptions = ConnectionOptions()) throws {
        let link = try LinkURL(text, schemes: ["mqtt": .tcp(port: 1_883), "mqtts": .tls(port: 8_883)])
        let url = link.url
        guard url.path.isEmpty || url.path == "/" else {
            throw MessagingError(.invalidArgument, "\(url) has a path, which means nothing to an MQTT broker")
        }
        var query = link.options
        self.init(
            servers: link.hosts { Server(host: $0, port: $1) },
            connection: connection,
            username: url.user,
            password: url.password,
            tls: link.tls
        )
        if let name = query.string("client") { self.connection.name = name }
        version = try query.choice("version", ["5": .v5, "3.1.1": .v311]) ?? version
        let expiry = try query.duration("sessionexpiry")
        switch try query.choice("session", ["clean": false, "persistent": true]) {
        case true: session = .persistent(expiry: expiry)
        case _ where expiry != nil:
            throw MessagingError(.invalidArgument, "the option sessionexpiry of \(url) needs session=persistent")
        default: break
        }
        keepAlive = try query.duration("keepalive") ?? keepAlive
        connectTimeout = try query.duration("timeout") ?? connectTimeout
        maximumInFlight = try query.int("inflight") ?? maximumInFlight
        receiveMaximum = try query.int("receivemaximum") ?? receiveMaximum
        maximumPacketSize = try query.int("maxpacket")
        maximumReceivedBytes = try query.int("maxreceived") ?? maximumReceivedBytes
        queueGroup = query.string("group") ?? queueGroup
        sharesQueues = try query.bool("share") ?? sharesQueues
        topicAliases = try query.int("aliases") ?? topicAliases
        try query.finish()
        try validate()
    }
}
