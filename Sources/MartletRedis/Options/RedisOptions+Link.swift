import MartletTransport

extension RedisOptions {
    /// What opening a link needs to know.
    var link: LinkOptions {
        LinkOptions(
            servers: servers.map { server in
                switch server {
                case .tcp(let host, let port): .tcp(host: host, port: port)
                case .unix(let path): .unix(path: path)
                }
            },
            connectTimeout: connectTimeout,
            // Each consumer has a socket of its own, which is opened after the answers of the first.
            restoreTimeout: connectTimeout + responseTimeout,
            reconnect: reconnect,
            peer: "server"
        )
    }
}
