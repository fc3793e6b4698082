/// What a ``BrokerHandler`` has the broker do besides: messages of its own.
///
/// They go out, in order, after what the handler was asked about; the handler is not asked about them. No sender
/// waits for room on their behalf: a full queue refuses them, and the loss is counted.
public struct BrokerActions: Sendable {
    var dispatches: [BrokerDispatch] = []

    /// Has a message published, sent or replied.
    public mutating func dispatch(_ message: Message, to destination: BrokerDispatch.Destination) {
        dispatches.append(BrokerDispatch(message, to: destination))
    }
}
