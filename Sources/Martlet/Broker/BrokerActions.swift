/// Messages that a ``BrokerHandler`` has the broker send besides.
///
/// They go out in order, after the request that the handler was asked about. The handler is not asked about them. No
/// sender waits with them: a full queue refuses them, and the loss is counted.
public struct BrokerActions: Sendable {
    var dispatches: [BrokerDispatch] = []

    /// Has a message published, sent or replied.
    public mutating func dispatch(_ message: Message, to destination: BrokerDispatch.Destination) {
        dispatches.append(BrokerDispatch(message, to: destination))
    }
}
