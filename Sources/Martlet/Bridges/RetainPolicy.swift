/// What a topic route does about retained messages.
public enum RetainPolicy: Sendable, Hashable {
    /// The messages that the source's broker keeps are passed on when the route begins, and kept by the sink's broker if
    /// it can. So are those that are published later to be kept, and deletions of kept ones, where the source's broker
    /// tells (``Capabilities/retainAsPublished``). Where it does not, what is published later is passed on as it comes,
    /// and an empty message as the deletion of a kept one, which it nearly always is.
    case kept
    /// Everything is passed on as a message to be kept, so that the sink's broker has the latest of each topic.
    case all
    /// Kept messages are not asked for, and nothing is kept.
    case none
}
