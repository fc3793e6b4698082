package import Martlet

/// What opening a link needs to know, whatever its protocol.
package struct LinkOptions: Sendable {
    /// Where a broker is.
    package enum Server: Sendable, Hashable {
        case tcp(host: String, port: Int)
        case unix(path: String)
    }

    /// Each is tried in turn until one answers.
    package var servers: [Server]
    /// How long a look-up, and an attempt at one address with the broker's answer to it, may take.
    package var connectTimeout: Duration
    /// How long it may take to open again what was open on the link before.
    package var restoreTimeout: Duration
    /// When a lost link is tried again.
    package var reconnect: Backoff
    /// How the other side is called in errors.
    package var peer: String

    package init(
        servers: [Server],
        connectTimeout: Duration,
        restoreTimeout: Duration,
        reconnect: Backoff,
        peer: String = "broker"
    ) {
        self.servers = servers
        self.connectTimeout = connectTimeout
        self.restoreTimeout = restoreTimeout
        self.reconnect = reconnect
        self.peer = peer
    }
}
