/// An event of a server's stream (server-sent events).
struct ServerEvent: Sendable, Hashable {
    /// `message` where the server says nothing else.
    var type: String
    var data: String
    /// The last ID that the server has given, with this event or before.
    var id: String
}
