/// How a queue is consumed on a channel.
public struct AMQPConsumeOptions: Sendable, Hashable {
    /// How many deliveries this consumer may hold unsettled, up to 65,535; 0: any number. Then the connection stops
    /// reading, for all that is open on it, when far more have come than are read.
    public var prefetch: Int
    /// Whether deliveries are done with as soon as the broker has sent them. Then the prefetch does not count.
    public var noAck: Bool
    /// Whether nobody else may consume the queue.
    public var isExclusive: Bool
    /// Whatever else, such as `x-priority`.
    public var arguments: AMQPTable

    /// 250 deliveries that are to be settled, unless told.
    public init(
        prefetch: Int = 250,
        noAck: Bool = false,
        isExclusive: Bool = false,
        arguments: AMQPTable = [:]
    ) {
        self.prefetch = prefetch
        self.noAck = noAck
        self.isExclusive = isExclusive
        self.arguments = arguments
    }
}
