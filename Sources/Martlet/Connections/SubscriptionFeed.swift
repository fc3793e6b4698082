import Synchronization

/// Where a transport puts the deliveries of one subscription: bounded, and made together with the subscription that reads it
/// by ``Subscription/makeSubscription(to:on:limit:overflow:maximumBytes:onRoom:onUnsubscribe:onEnd:)``.
///
/// When the reader is slower than the broker the subscription's ``Overflow`` decides. With ``Overflow/suspend`` the transport
/// is to take less from the broker: a task waits in ``deliver(_:)``; a thread or callback that can't wait uses ``offer(_:)``,
/// stops reading when it is ``Offer/full``, and goes on when `onRoom` is called. With the other rules there always is room,
/// and what is dropped is counted.
///
/// The feed of a subscription that survives a lost link is used again for the next one.
public struct SubscriptionFeed: Sendable {
    /// What became of a delivery that was offered.
    public enum Offer: Sendable, Hashable {
        /// It waits for the reader; or, as the overflow rule says, it or an older one was dropped, and counted.
        case taken
        /// It was not taken: there is no room. It is to be offered again, before any later one, when `onRoom` is called.
        case full
        /// It was not taken: nobody reads any more.
        case ended
    }

    private let mailbox: Mailbox<Delivery>

    fileprivate init(_ mailbox: Mailbox<Delivery>) {
        self.mailbox = mailbox
    }

    /// Offers a delivery. Never waits; may be called from any thread.
    ///
    /// Deliveries stay in the order in which they are taken.
    public func offer(_ delivery: Delivery) -> Offer {
        switch mailbox.offer(delivery, topic: delivery.topic) {
        case .accepted, .dropped: .taken
        case .closed: .ended
        // If it can't be taken back, the reader has made room for it just now.
        case .parked(let id): mailbox.withdraw(id) ? .full : .taken
        }
    }

    /// Hands over a delivery, and returns when there was room for it, or when nobody reads any more.
    ///
    /// - Throws: `CancellationError` if the task is cancelled while it waits; the delivery is then not handed over.
    public func deliver(_ delivery: Delivery) async throws {
        guard case .parked(let id) = mailbox.offer(delivery, topic: delivery.topic) else { return }
        try await mailbox.waitUntilAdmitted(id)
    }

    /// Ends the subscription when what has come was read; whoever waits in ``deliver(_:)`` goes on. To finish twice is no
    /// error.
    ///
    /// - Parameter error: what the reader gets at the end: why the subscription could not go on. `nil`: it just ends, as it
    ///   does when its connection is closed.
    public func finish(throwing error: (any Error)? = nil) {
        mailbox.finish(throwing: error)
    }
}

extension Subscription {
    /// A subscription, and the feed that a transport puts its deliveries into.
    ///
    /// - Parameters:
    ///   - pattern: what is subscribed to, for ``Delivery/rest``; `nil` for a queue.
    ///   - runtime: that of the connection, where each delivery is logged at `trace`; `nil`: none is.
    ///   - limit: how many deliveries wait for the reader at most: ``SubscribeOptions/limit``, or for a queue
    ///     ``ConsumeOptions/prefetch``. At least 1.
    ///   - overflow: what happens when that many wait. A queue's is ``Overflow/suspend``.
    ///   - maximumBytes: how many bytes may wait, headers included: ``ConnectionOptions/maximumWaitingBytes``. The last
    ///     delivery may be of any size.
    ///   - onRoom: called, from any thread, when at most half of the places are taken after an ``SubscriptionFeed/offer(_:)``
    ///     was refused, or nobody reads any more. It does not block, and may be called once too often.
    ///   - onUnsubscribe: called, from any thread, when ``unsubscribe()`` was called, before `onEnd` if that was not called
    ///     yet: the broker is to keep nothing for the subscription any more. A transport whose broker keeps nothing beyond
    ///     the reader does without.
    ///   - onEnd: called once, from any thread, when no more deliveries are wanted: ``finish()`` or ``unsubscribe()`` was
    ///     called, or nobody holds the subscription any more. It has the transport unsubscribe, or leave what the broker
    ///     keeps, and does not block. It is not to hold the subscription itself.
    public static func makeSubscription(
        to pattern: TopicPattern? = nil,
        on runtime: ConnectionRuntime? = nil,
        limit: Int,
        overflow: Overflow = .suspend,
        maximumBytes: Int = 64 << 20,
        onRoom: (@Sendable () -> Void)? = nil,
        onUnsubscribe: (@Sendable () -> Void)? = nil,
        onEnd: @escaping @Sendable () -> Void
    ) -> (subscription: Subscription, feed: SubscriptionFeed) {
        let mailbox = Mailbox(limit: limit, overflow: overflow, weight: .bytes(maximumBytes), onRoom: onRoom)
        let end = End(onEnd)
        let source = DeliverySource(pattern, on: runtime)
        let subscription = Subscription(mailbox, of: pattern?.onlyTopic, from: source) { (ending: Ending) in
            if ending == .unsubscribed { onUnsubscribe?() }
            end.tell()
            if ending != .dropped { mailbox.finish() }
        }
        return (subscription, SubscriptionFeed(mailbox))
    }
}

/// Tells once that a subscription has ended.
private final class End: Sendable {
    private let isTold = Atomic(false)
    private let onEnd: @Sendable () -> Void

    init(_ onEnd: @escaping @Sendable () -> Void) {
        self.onEnd = onEnd
    }

    func tell() {
        if !isTold.exchange(true, ordering: .relaxed) { onEnd() }
    }
}
