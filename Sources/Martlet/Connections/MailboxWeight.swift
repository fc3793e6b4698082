/// How much the elements of a mailbox may weigh together, beside their number.
@usableFromInline
package struct MailboxWeight<Element>: Sendable {
    @usableFromInline package let limit: Int
    @usableFromInline let weigh: @Sendable (Element) -> Int

    /// - Parameters:
    ///   - limit: at that weight it is full. The last element may be of any weight.
    ///   - weigh: the same for an element each time.
    package init(limit: Int, weigh: @escaping @Sendable (Element) -> Int) {
        self.limit = limit
        self.weigh = weigh
    }
}

extension MailboxWeight<Delivery> {
    /// About how many bytes deliveries have, with their headers.
    package static func bytes(_ limit: Int) -> MailboxWeight {
        MailboxWeight(limit: limit) { $0.message.weight }
    }
}

extension ConnectionRuntime {
    /// How much may wait for the reader of each subscription: ``ConnectionOptions/maximumWaitingBytes``.
    package var waitingWeight: MailboxWeight<Delivery> { .bytes(options.maximumWaitingBytes) }
}
