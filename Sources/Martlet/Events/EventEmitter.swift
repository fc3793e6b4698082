import Synchronization

/// Tells events over one connection: any number of them, of any kind, each on the topic that its uri names.
///
/// ```swift
/// let emitter = EventEmitter(on: connection)
/// try await emitter.emit("TurnOnLights", at: "bedroom.lights.on")
/// try await emitter.emit("DoorOpened", at: "events.door", payload: Door(open: true))
/// ```
///
/// It numbers the events it tells, from 0, and signs them with its name, where their headers do not say otherwise.
public final class EventEmitter: Sendable {
    private let connection: any Connection
    private let nodeID: String
    private let options: PublishOptions
    private let told = Atomic<Int64>(0)

    /// - Parameters:
    ///   - connection: the connection by which they are published.
    ///   - nodeID: who tells the events; by default the connection's name.
    ///   - options: how they are published; by default at most once, not retained.
    public init(on connection: any Connection, nodeID: String? = nil, options: PublishOptions = PublishOptions()) {
        self.connection = connection
        self.nodeID = nodeID ?? connection.runtime.name
        self.options = options
    }

    /// Tells an event on the topic that is its uri.
    ///
    /// - Returns: the event as it was told, with its number and sender.
    /// - Throws: as ``Connection/publish(_:to:options:)-(Message,_,_)``, and ``MessagingError/Code/encodingFailed``;
    ///   `CancellationError` if the task is cancelled while it waits for a slow listener.
    @discardableResult
    public func emit<Payload>(_ event: Event<Payload>) async throws -> Event<Payload> {
        var event = event
        if event.header.messageID == -1 {
            event.header.messageID = .integer(told.wrappingAdd(1, ordering: .relaxed).oldValue)
        }
        if event.header.nodeID == "" { event.header.nodeID = .string(nodeID) }
        try await connection.publish(event, to: Topic(event.uri), options: options)
        return event
    }

    /// Makes an event and tells it; see ``emit(_:)``.
    @discardableResult
    public func emit<Payload: Codable & Sendable>(
        _ name: String,
        at uri: TopicName,
        description: String = "",
        payload: Payload
    ) async throws -> Event<Payload> {
        try await emit(Event(name: name, uri: uri, description: description, payload: payload))
    }

    /// Makes an event to which nothing belongs and tells it; see ``emit(_:)``.
    @discardableResult
    public func emit(_ name: String, at uri: TopicName, description: String = "") async throws -> Event<NoPayload> {
        try await emit(Event(name: name, uri: uri, description: description))
    }
}
