/// Something that happened: a name, where it is told, and what belongs to it.
///
/// ```swift
/// let opened = Event(name: "DoorOpened", uri: "events.door", payload: Door(open: true))
/// try await EventEmitter(on: connection).emit(opened)
/// ```
///
/// On the wire it is one JSON object with `header`, `name`, `uri`, `description` and `payload`. commlib-py 0.13 reads
/// `header` and `payload` of it; the older readers read the other four.
public struct Event<Payload: Codable & Sendable>: Sendable {
    /// Who made it, and when.
    public var header: MessageHeader
    /// What happened.
    public var name: String
    /// The topic it is told on.
    public var uri: TopicName
    /// What that means, for people.
    public var description: String
    /// What belongs to it.
    public var payload: Payload

    /// An event of this moment.
    public init(
        name: String,
        uri: TopicName,
        description: String = "",
        payload: Payload,
        header: MessageHeader = MessageHeader()
    ) {
        self.header = header
        self.name = name
        self.uri = uri
        self.description = description
        self.payload = payload
    }

    /// The event as it came by a topic: a peer that leaves the uri out has told it there all the same.
    func arrived(on topic: TopicName) -> Event {
        guard uri.text.isEmpty else { return self }
        var event = self
        event.uri = topic
        return event
    }
}

extension Event where Payload == NoPayload {
    /// An event of this moment to which nothing belongs.
    public init(name: String, uri: TopicName, description: String = "", header: MessageHeader = MessageHeader()) {
        self.init(name: name, uri: uri, description: description, payload: NoPayload(), header: header)
    }
}

extension Event: Equatable where Payload: Equatable {}
extension Event: Hashable where Payload: Hashable {}
