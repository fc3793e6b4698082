public import Martlet
import MartletTransport

extension RedisOptions {
    /// Options of a URL:
    ///
    /// | URL | meaning |
    /// |---|---|
    /// | `redis://user:password@host:6379/2` | a server, and the number of the database; all but the host may be left out |
    /// | `redis://:password@host` | the password of the user `default` |
    /// | `redis://one,two:6380` | several servers, tried in turn; nodes of a cluster |
    /// | `rediss://host` | with TLS |
    /// | `unix:///run/redis.sock?db=2`, `redis+unix://…` | a socket of this machine |
    ///
    /// | option | meaning |
    /// |---|---|
    /// | `db` | ``database`` |
    /// | `name` | the client's name |
    /// | `timeout` | ``connectTimeout`` |
    /// | `response` | ``responseTimeout`` |
    /// | `keepalive` | ``keepAlive``, or 0 for never |
    /// | `lease` | ``lease`` |
    /// | `dlq` | ``deadLetterSuffix`` |
    ///
    /// and, with `rediss`, those of TLS: `cafile`, `capath`, `certfile`, `keyfile`, `keypassword`, `verify`,
    /// `servername`, `tlsversion`, `ciphers`, `alpn`. Times are numbers with `ms`, `s`, `m` or `h`, or seconds.
    ///
    /// - Parameters:
    ///   - text: the URL.
    ///   - connection: what the URL does not tell.
    /// - Throws: `MessagingError.Code.invalidArgument` with the part that is wrong.
    public init(url text: String, connection: ConnectionOptions = ConnectionOptions()) throws {
        self.init(connection: connection)
        let link = try LinkURL(
            text,
            schemes: [
                "redis": .tcp(port: 6_379), "rediss": .tls(port: 6_379), "unix": .unix, "redis+unix": .unix,
            ]
        )
        let url = link.url
        var options = link.options
        servers = link.servers.map { server in
            switch server {
            case .tcp(let host, let port): .tcp(host: host, port: port)
            case .unix(let path): .unix(path: path)
            }
        }
        tls = link.tls
        if case .tcp? = link.servers.first {
            let path = url.path.drop { $0 == "/" }
            if !path.isEmpty {
                guard let number = Int(path) else {
                    throw MessagingError(
                        .invalidArgument,
                        "the path \(quoted(url.path)) of a Redis URL is no number of a database, such as /2"
                    )
                }
                database = number
            }
        }
        username = url.user.flatMap { $0.isEmpty ? nil : $0 }
        password = url.password
        if let number = try options.int("db", in: 0...16_383) { database = number }
        if let name = options.string("name") { self.connection.name = name }
        connectTimeout = try options.duration("timeout") ?? connectTimeout
        responseTimeout = try options.duration("response") ?? responseTimeout
        if let time = try options.duration("keepalive") { keepAlive = time == .zero ? nil : time }
        lease = try options.duration("lease") ?? lease
        deadLetterSuffix = options.string("dlq") ?? deadLetterSuffix
        try options.finish()
        try validate()
    }
}

extension RedisConnection: BrokerConnection {
    /// Connects to the server of a URL; see ``RedisOptions/init(url:connection:)``. Otherwise as ``connect(_:)``.
    public static func connect(
        to url: String,
        connection: ConnectionOptions = ConnectionOptions()
    ) async throws -> RedisConnection {
        try await connect(RedisOptions(url: url, connection: connection))
    }
}
