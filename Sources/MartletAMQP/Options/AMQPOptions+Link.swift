import MartletTransport

extension AMQPOptions {
    /// What opening a link needs to know.
    var link: LinkOptions {
        LinkOptions(
            servers: servers.map { .tcp(host: $0.host, port: $0.port) },
            connectTimeout: connectTimeout,
            // Each of the three steps has as long as a connection: what the broker is slow to allow comes later.
            restoreTimeout: connectTimeout * 3,
            reconnect: reconnect
        )
    }
}
