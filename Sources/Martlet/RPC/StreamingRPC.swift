/// A contract: the name of a remote procedure that answers one request with many elements.
public struct StreamingRPC<Request: Codable & Sendable, Element: Codable & Sendable>: Sendable, Hashable {
    /// The queue that requests go to.
    public let name: QueueName

    /// A contract for the procedure of this name; the name is checked when it is first used.
    public init(_ name: QueueName) {
        self.name = name
    }
}
