import Martlet
import MartletServer

/// Where `martlet broker` listens, and how.
struct ListenerSettings: Hashable, Sendable {
    enum Place: Hashable, Sendable {
        /// `nil`: the port that is usual.
        case address(host: String, port: Int?)
        case unix(path: String)
        /// Sockets that systemd passes by a name.
        case systemd(name: String)
    }

    var place = Place.address(host: "127.0.0.1", port: nil)
    var isWebSocket = false
    var tls: Listener.TLS?
    /// Of whose pages clients may come by WebSocket.
    var origins: [String] = []
    /// The proxies that clients come by; empty: they come themselves.
    var proxies: [String] = []

    /// The listeners: of systemd's sockets several may have one name.
    ///
    /// - Throws: ``Failure`` if systemd has passed none of the name.
    func listeners(_ sockets: @autoclosure () -> [ActivatedSocket] = ActivatedSocket.all()) throws -> [Listener] {
        var places: [Listener] = []
        switch place {
        case .address(let host, let port): places = [listener(host: host, port: port)]
        case .unix(let path): places = [.unix(path: path)]
        case .systemd(let name):
            for socket in sockets() where socket.name == name {
                places.append(listener(host: "127.0.0.1", port: nil).on(descriptor: socket.descriptor))
            }
            guard !places.isEmpty else { throw Failure(.usage, "systemd has passed no socket \(quoted(name))") }
        }
        return proxies.isEmpty ? places : places.map { $0.behind(proxies) }
    }

    private func listener(host: String, port: Int?) -> Listener {
        if isWebSocket { return .webSocket(host: host, port: port ?? 9_001, tls: tls, origins: origins) }
        return tls.map { .mqtts(host: host, port: port ?? 8_883, $0) } ?? .mqtt(host: host, port: port ?? 1_883)
    }

    /// The address on which other machines can connect; `nil`: they can't, or whoever made its socket has decided about that.
    var publicHost: String? {
        guard case .address(let host, _) = place, !["127.0.0.1", "::1", "localhost"].contains(host) else { return nil }
        return host
    }
}
