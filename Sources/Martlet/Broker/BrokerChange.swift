/// A change of what a broker keeps for those who come later.
package enum BrokerChange: Sendable {
    /// A message is kept for its topic, in place of the one before; an empty one deletes that.
    case kept(BrokerPublication)
    /// What was kept for a topic has expired.
    case cleared(TopicName)
}
