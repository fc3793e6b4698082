import Martlet

/// That the broker has refused the subscription for replies, and why: whoever called meanwhile would wait in vain.
struct Deafness: Sendable {
    /// The filter of that subscription.
    let filter: String
    let error: MessagingError

    /// Whether replies to an address would come by it.
    func concerns(_ address: String) -> Bool { WireFilter.matches(filter, address) }
}
