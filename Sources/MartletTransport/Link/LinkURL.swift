package import Martlet

/// What a broker's URL says of the link, whatever the protocol: where the broker is, whether the link is secured, how long
/// connecting may take. What else it says is the transport's, which reads it from ``options`` and then finishes those.
package struct LinkURL: Sendable {
    /// What a scheme means.
    package enum Scheme: Sendable {
        case tcp(port: Int)
        case tls(port: Int)
        /// The path is that of a socket of this machine.
        case unix
    }

    package let url: BrokerURL
    package var options: BrokerURLOptions
    package let servers: [LinkOptions.Server]
    /// `nil` without TLS.
    package let tls: TLSOptions?

    /// - Parameters:
    ///   - text: the URL.
    ///   - schemes: the transport's. Hosts without a port of their own have that of the scheme.
    /// - Throws: `MessagingError.Code.invalidArgument` with the part that is wrong.
    package init(_ text: String, schemes: KeyValuePairs<String, Scheme>) throws {
        url = try BrokerURL(text)
        options = url.options()
        guard let scheme = schemes.first(where: { [url] in $0.key == url.scheme })?.value else {
            let known = schemes.map(\.key).joined(separator: ", ")
            throw MessagingError(
                .invalidArgument,
                "the scheme of \(url) is \(quoted(url.scheme)), where one of these is expected: \(known)"
            )
        }
        switch scheme {
        case .tcp(let port), .tls(let port):
            servers = url.hosts.map { .tcp(host: $0.name, port: $0.port ?? port) }
        case .unix:
            guard !url.path.isEmpty else {
                throw MessagingError(.invalidArgument, "\(url) needs the path of a socket: unix:///run/broker.sock")
            }
            servers = [.unix(path: url.path)]
        }
        if case .tls = scheme { tls = try options.tls(isUsed: true) } else { tls = try options.tls(isUsed: false) }
    }

    /// The servers that are reached over a network, as a transport's options have them.
    package func hosts<Server>(_ make: (_ host: String, _ port: Int) -> Server) -> [Server] {
        servers.compactMap { server in
            guard case .tcp(let host, let port) = server else { return nil }
            return make(host, port)
        }
    }
}
