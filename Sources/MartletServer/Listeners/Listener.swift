public import Martlet

/// Where a ``BrokerServer`` takes connections.
public struct Listener: Sendable, Hashable {
    /// What a listener shows to be under TLS, and of whom it wants to see a certificate in turn.
    public typealias TLS = TLSServerOptions

    /// How MQTT's bytes come.
    enum Form: Sendable, Hashable {
        case plain
        /// In the frames of a WebSocket, which pages of these origins may open.
        case webSocket(origins: [String])
    }

    /// What `BrokerClient.listener` and the log call it.
    public let name: String
    /// The address to listen on: of an interface, or `0.0.0.0` or `::` for all of them; or the path of a Unix socket.
    public let host: String
    /// The port; 0: one that is free; `nil`: ``host`` is the path of a Unix socket.
    public let port: Int?
    /// `nil`: without TLS.
    public let tls: TLS?
    let form: Form
    /// The addresses of proxies that say who their clients are; `nil`: it is for clients themselves.
    private(set) var proxies: [String]?
    /// A socket that was bound for it; `nil`: it binds one.
    private(set) var descriptor: CInt?

    /// MQTT as it is, on this machine alone unless told.
    public static func mqtt(host: String = "127.0.0.1", port: Int = 1883) -> Listener {
        Listener(name: "mqtt", host: host, port: port, tls: nil, form: .plain)
    }

    /// MQTT under TLS, on this machine alone unless told.
    public static func mqtts(host: String = "127.0.0.1", port: Int = 8883, _ tls: TLS) -> Listener {
        Listener(name: "mqtts", host: host, port: port, tls: tls, form: .plain)
    }

    /// MQTT on a Unix socket, for programs of this machine that may write to its file. A socket that an earlier run has left
    /// there is replaced, and the file is removed at the end.
    public static func unix(path: String) -> Listener {
        Listener(name: "unix", host: path, port: nil, tls: nil, form: .plain)
    }

    /// MQTT in WebSockets (MQTT 5, section 6), for pages in a browser among others, on this machine alone unless told. Any path
    /// will do.
    ///
    /// - Parameters:
    ///   - host: the address to listen on.
    ///   - port: the port; 0: one that is free.
    ///   - tls: `nil`: without TLS.
    ///   - origins: of whose pages clients may come besides those of the listener's own host, such as `https://example.org`;
    ///     `*`: of all. Clients that are no page name none, and may come. A page of anybody could otherwise use a broker that
    ///     lets this machine in, by the browser of whoever reads it. For clients from this machine, the own host is `localhost`
    ///     or an address such as `127.0.0.1`: any name can lead here. A proxy on this machine is such a client.
    public static func webSocket(
        host: String = "127.0.0.1",
        port: Int = 9001,
        tls: TLS? = nil,
        origins: [String] = []
    ) -> Listener {
        Listener(
            name: tls == nil ? "ws" : "wss",
            host: host,
            port: port,
            tls: tls,
            form: .webSocket(origins: origins)
        )
    }

    /// The same behind proxies that say by the PROXY protocol, version 1 or 2, who their clients are: HAProxy's `send-proxy` and
    /// `send-proxy-v2`, and what balancers of clouds call so. A client is then known, and counted, by its own address.
    ///
    /// - Parameter proxies: the addresses of these proxies, or ranges such as `10.0.0.0/8`. Whoever comes from elsewhere, or says
    ///   nothing, is closed: anybody could otherwise come in another's name.
    public func behind(_ proxies: [String]) -> Listener {
        var listener = self
        listener.proxies = proxies
        return listener
    }

    /// The same on a socket that is bound already, such as one of ``ActivatedSocket/all()``. What ``host`` and ``port`` say
    /// means nothing then, and the file of a Unix socket stays at the end.
    ///
    /// - Parameter descriptor: the socket's. The listener closes it.
    public func on(descriptor: CInt) -> Listener {
        var listener = self
        listener.descriptor = descriptor
        return listener
    }
}
