/// A contract: the name of a queue and the type of what is sent to it. Each message goes to one consumer.
public struct Queue<Value: Codable & Sendable>: Sendable, Hashable {
    /// The queue's name.
    public let name: QueueName

    /// A contract for the queue of this name; the name is checked when it is first used.
    public init(_ name: QueueName) {
        self.name = name
    }
}
