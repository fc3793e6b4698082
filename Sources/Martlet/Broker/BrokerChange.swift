/// A change of what a broker keeps for those who come later.
package enum BrokerChange: Sendable {
    /// A message is kept for its topic, in place of the one before; an empty one deletes that.
    case kept(BrokerPublication)
    /// What was kept for a topic has expired.
    case cleared(TopicName)
    /// A message is in a queue, or waits for room in it.
    case queued(QueuedMessage, in: QueueName)
    /// The message of a number is on its way to a consumer, once more, under a tag.
    case assigned(UInt64, tag: UInt64)
    /// The message of a number is in its queue no more.
    case taken(UInt64)
}
