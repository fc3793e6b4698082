/// What the broker is asked for with a filter.
struct SubscriptionTerms: Equatable, Sendable {
    var quality: CInt = 0
    var noLocal = false
    var retainAsPublished = false

    /// What suffices for both.
    func combined(with other: SubscriptionTerms) -> SubscriptionTerms {
        SubscriptionTerms(
            quality: max(quality, other.quality),
            noLocal: noLocal && other.noLocal,
            retainAsPublished: retainAsPublished || other.retainAsPublished
        )
    }

    /// Whether they suffice for one who needs others.
    func meets(_ needed: SubscriptionTerms) -> Bool {
        quality >= needed.quality && noLocal == needed.noLocal && (retainAsPublished || !needed.retainAsPublished)
    }
}
