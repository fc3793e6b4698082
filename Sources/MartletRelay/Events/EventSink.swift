public import Martlet
import NIOCore

/// Where and how an ``EventSink`` serves events.
public struct EventSinkOptions: Sendable, Hashable {
    /// The address that it listens on.
    public var host: String
    /// The port; 0: one that is free, see ``EventSink/port``.
    public var port: Int
    /// The path of the stream.
    public var path: String
    /// What it shows under TLS; `nil`: it speaks HTTP without.
    public var tls: TLSServerOptions?
    /// What a client has to send as `authorization: Bearer …`; `nil`: nothing.
    public var token: Secret?
    /// How many events are kept for clients that come again.
    public var maximumEvents: Int
    /// How many bytes of events are kept.
    public var maximumBytes: Int
    /// How many clients there are at most.
    public var maximumClients: Int
    /// After how long a client is sent a comment if there is nothing else to send.
    public var heartbeat: Duration

    /// Port 8080 of this machine alone, `/events`, without TLS, for everybody, 10,000 events or 16 MiB, 100 clients, 15 s, unless told.
    public init(
        host: String = "127.0.0.1",
        port: Int = 8_080,
        path: String = "/events",
        tls: TLSServerOptions? = nil,
        token: Secret? = nil,
        maximumEvents: Int = 10_000,
        maximumBytes: Int = 16 << 20,
        maximumClients: Int = 100,
        heartbeat: Duration = .seconds(15)
    ) {
        self.host = host
        self.port = port
        self.path = path
        self.tls = tls
        self.token = token
        self.maximumEvents = maximumEvents
        self.maximumBytes = maximumBytes
        self.maximumClients = maximumClients
        self.heartbeat = heartbeat
    }

    /// Finds what is wrong with them, as far as that is known without listening.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if the certificate can't be used.
    public func validate() throws { try WebListener.check(tls) }
}

/// A server of events (server-sent events) that programs and browsers follow: `GET /events?topic=sensors.%23`.
///
/// Without `topic` a client gets all messages; it may be there several times. The type of an event is the topic, its data the
/// body, in lines. A message is confirmed once it is kept for the clients: in memory, so that those of a run end with it. A
/// client that comes again with the ID of its last event gets what came after it, as far as it is kept; one with the ID of an
/// earlier run gets all that is. A client that is so slow that it misses events is closed, and comes again.
///
/// Beyond this machine it is to speak TLS, by ``EventSinkOptions/tls``, or belongs behind a proxy that does: the token, too, is
/// there for all to read otherwise.
public final class EventSink: Sink {
    /// The port that it listens on.
    public let port: Int
    private let ring: EventRing
    private let listener: WebListener

    private init(_ ring: EventRing, _ listener: WebListener) {
        self.ring = ring
        self.listener = listener
        port = listener.port
    }

    /// A server that listens. It is to be closed, as its connection does.
    ///
    /// - Throws: `MessagingError.Code.notConnected` if it can't listen there; `MessagingError.Code.invalidArgument` if the
    ///   certificate can't be used.
    public static func open(_ options: EventSinkOptions = EventSinkOptions()) async throws -> EventSink {
        let ring = EventRing(options)
        let listener = try await WebListener.open(host: options.host, port: options.port, tls: options.tls) {
            EventServing(ring, options)
        }
        return EventSink(ring, listener)
    }

    /// Reads the certificate and its key anew, for clients that come from now on. Those that are there stay.
    ///
    /// - Throws: `MessagingError.Code.invalidArgument` if they can't be used; those before are shown on.
    public func reload() throws { try listener.reload() }

    /// Keeps the messages of a batch for the clients. One that is no UTF-8 is refused.
    public func deliver(_ batch: [SinkItem]) async throws {
        var rejection = SinkRejection()
        for (index, item) in batch.enumerated() where !ring.append(item) {
            rejection.reject(index, "it is no text in UTF-8")
        }
        ring.tellClients()
        if !rejection.isEmpty { throw rejection }
    }

    /// Listens no more, and ends the connections of the clients.
    public func close() async {
        await listener.close()
        for client in ring.close() { try? await client.close() }
    }
}
