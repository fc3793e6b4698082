import MartletTransport

extension MQTTOptions {
    /// What opening a link needs to know.
    var link: LinkOptions {
        LinkOptions(
            servers: servers.map { .tcp(host: $0.host, port: $0.port) },
            connectTimeout: connectTimeout,
            restoreTimeout: connectTimeout,
            reconnect: reconnect
        )
    }
}
