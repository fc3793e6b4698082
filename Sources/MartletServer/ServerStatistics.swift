/// The counts of a ``BrokerServer``.
public struct ServerStatistics: Sendable, Hashable {
    /// Connections that there are, those whose clients have not been let in yet among them.
    public var connections = 0
    /// Sessions that there are, those of absent clients among them.
    public var sessions = 0
    /// Clients that have been let in and are there.
    public var clients = 0
    /// The most clients that have been there at a time.
    public var mostClients = 0
    /// Subscriptions of all sessions.
    public var subscriptions = 0
    /// Messages that were published, by clients and in this process, but for the broker's own below `$SYS/`.
    public var published = 0
    /// Topics for which a message is retained, but for those below `$SYS/`.
    public var retained = 0
    /// Messages that clients have published.
    public var received = 0
    /// Messages that were sent to clients.
    public var sent = 0
    /// Bytes that clients have sent, under TLS and in WebSockets those of MQTT.
    public var bytesReceived = 0
    /// Bytes that were written to clients.
    public var bytesSent = 0
    /// Messages that wait for clients, now.
    public var queued = 0
    /// Messages that found a client's queue full, or no client where nothing is kept for it, in sessions that there are.
    public var dropped = 0
    /// Messages that expired before they could be sent, in sessions that there are.
    public var expired = 0
    /// How often the store's disk failed or was full; see ``BrokerStore``.
    public var storeFailures = 0
    /// Clients that were cut off or not let in because they broke the protocol, since the server was made.
    public var faults = 0
}
