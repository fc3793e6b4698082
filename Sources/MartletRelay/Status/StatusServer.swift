public import Martlet

/// Where and how a ``StatusServer`` answers.
public struct StatusServerOptions: Sendable, Hashable {
    /// The address that it listens on.
    public var host: String
    /// The port; 0: one that is free, see ``StatusServer/port``.
    public var port: Int
    /// What it shows under TLS; `nil`: it speaks HTTP without.
    public var tls: TLSServerOptions?
    /// What a client has to send as `authorization: Bearer …` to get the figures; `nil`: nothing. The health is for everybody.
    public var token: Secret?
    /// How many clients there are at most.
    public var maximumClients: Int
    /// How long a client may take to ask, and to read the answer.
    public var timeout: Duration

    /// Port 9100 of this machine alone, without TLS, for everybody, 20 clients and 10 s, unless told.
    public init(
        host: String = "127.0.0.1",
        port: Int = 9_100,
        tls: TLSServerOptions? = nil,
        token: Secret? = nil,
        maximumClients: Int = 20,
        timeout: Duration = .seconds(10)
    ) {
        self.host = host
        self.port = port
        self.tls = tls
        self.token = token
        self.maximumClients = maximumClients
        self.timeout = timeout
    }

    /// Finds what is wrong with them, as far as that is known without listening.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if the certificate can't be used.
    public func validate() throws { try WebListener.check(tls) }
}

/// Tells of a bridge to those that watch it.
///
/// | path | answer |
/// |---|---|
/// | `/metrics` | the figures of its routes and links, in Prometheus's text format |
/// | `/health` | 200 while the bridge runs, 503 if not, with the state of each route as JSON: a link that is away is waited for |
///
/// ```swift
/// let status = try await StatusServer.open(of: bridge)
/// try await bridge.run()
/// await status.close()
/// ```
public final class StatusServer: Sendable {
    /// The port that it listens on.
    public let port: Int
    private let listener: WebListener

    private init(_ listener: WebListener) {
        self.listener = listener
        port = listener.port
    }

    /// A server that listens. It is to be closed.
    ///
    /// - Throws: `MessagingError.Code.notConnected` if it can't listen there; `MessagingError.Code.invalidArgument` if the
    ///   certificate can't be used.
    public static func open(
        _ options: StatusServerOptions = StatusServerOptions(),
        of bridge: Bridge
    ) async throws -> StatusServer {
        let clients = StatusClients(limit: options.maximumClients)
        let listener = try await WebListener.open(host: options.host, port: options.port, tls: options.tls) {
            StatusServing(bridge, options, clients)
        }
        return StatusServer(listener)
    }

    /// Reads the certificate and its key anew, for clients that come from now on.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if they can't be used; those before are shown on.
    public func reload() throws { try listener.reload() }

    /// Listens no more. A client that has asked gets its answer.
    public func close() async { await listener.close() }
}
