/// What has gone through a ``TCPProxy``.
package struct ProxyCounts: Sendable, Hashable {
    /// The connections that clients have made so far.
    package var connections = 0
    /// Those that are open now.
    package var openConnections = 0
    /// The bytes that were thrown away, in both directions.
    package var bytesSwallowed = 0
    /// The bytes that were passed on, by direction.
    var bytes: [ProxyDirection: Int] = [:]

    /// The bytes that were passed on to the server.
    package var bytesToServer: Int { bytes[.toServer] ?? 0 }
    /// The bytes that were passed on to clients.
    package var bytesToClient: Int { bytes[.toClient] ?? 0 }
}
