/// What happens when a subscription's mailbox is full because its reader is slower than the publishers.
public enum Overflow: Sendable, Hashable {
    /// Nothing is lost: whoever publishes waits until there is room. Over a network the connection stops taking
    /// messages from the broker. One slow reader holds up everything that the connection receives.
    case suspend
    /// The message that has waited longest makes room for the new one, and is counted as dropped.
    case dropOldest
    /// The new message is dropped, and counted.
    case dropNewest
    /// Of each topic only the latest message waits; the ones it replaced are counted as dropped. If more topics
    /// wait than the mailbox holds, the oldest message makes room.
    case conflate
}
