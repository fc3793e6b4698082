/// What is subscribed to.
struct SubscriptionRequest: Sendable {
    /// On the wire, without the group.
    var filter: String
    /// Of a shared subscription.
    var group: String?
    var quality: CInt
    var wantsRetained = false
    var noLocal = false
    var retainAsPublished = false
    /// Whether what comes is worth nothing without its reader, so that the broker is not to keep it: requests and replies.
    var endsWithReader = false

    /// On the wire.
    var wire: String { group.map { "$share/\($0)/\(filter)" } ?? filter }
}
