/// A message as it arrived.
///
/// One from a queue is to be settled: ``ack()`` when it is done with, ``nack(requeue:)`` when it is not. A delivery
/// that is dropped unsettled, by an error thrown or a task cancelled, goes back to its queue. One from a topic
/// needs no settling; there both do nothing.
public struct Delivery: Sendable {
    /// The topic it was published to, or the queue's name.
    public var topic: TopicName { knownTopic ?? Self.unknownTopic }
    /// `nil` on its way to a subscription to one topic, which says the rest when it hands it out: a name that two threads
    /// counted references to for each message cost more than all the rest of handing it over.
    var knownTopic: TopicName?
    /// What arrived.
    public let message: Message
    /// How often it had been delivered before without being acknowledged: from 0 to 2,147,483,647, whatever a peer has
    /// written.
    public let redeliveries: Int
    /// Whether it is one that the broker had kept for who subscribes later; with ``SubscribeOptions/retainAsPublished``
    /// also whether it is one that the broker keeps from now on.
    public let isRetained: Bool
    package let settlement: Settlement?
    /// Where it came from, if that is more than its topic.
    package var source: DeliverySource?

    private static let unknownTopic: TopicName = ""

    /// - Parameter topic: `nil` for a subscription that was made with its topic.
    package init(
        topic: TopicName?,
        message: Message,
        redeliveries: Int = 0,
        isRetained: Bool = false,
        settlement: Settlement? = nil
    ) {
        knownTopic = topic
        self.message = message
        self.redeliveries = redeliveries.asDeliveries
        self.isRetained = isRetained
        self.settlement = settlement
    }

    /// What the last `#` of the subscription's filter stands for in the topic: its segments. None if it stands for nothing, or
    /// the filter has no `#`.
    public var rest: [String] { source?.filter?.rest(of: topic) ?? [] }

    /// Says that the message is done with, so that the queue forgets it.
    ///
    /// - Throws: ``MessagingError/Code/alreadySettled``, or ``MessagingError/Code/connectionLost`` when the link over
    ///   which it came has been lost: the broker will deliver it again.
    public func ack() throws {
        guard let settlement else { return }
        try settlement.settle(as: .ack)
        source?.trace("acknowledged", self)
    }

    /// Says that the message could not be handled.
    ///
    /// - Parameter requeue: whether it goes back to its place in the queue; otherwise it becomes a dead letter.
    /// - Throws: as ``ack()``.
    public func nack(requeue: Bool) throws {
        guard let settlement else { return }
        try settlement.settle(as: requeue ? .requeue : .reject)
        source?.trace(requeue ? "given back" : "rejected", self)
    }
}
