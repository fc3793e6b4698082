import Synchronization

/// What is done with a delivery from a queue.
public enum Disposition: Sendable, Hashable {
    /// Done with: the queue forgets it.
    case ack
    /// Not done: back into the queue, at its old place, for this or another consumer.
    case requeue
    /// Never to be delivered again: to the dead-letter queue, if there is one.
    case reject
}

/// Who can settle deliveries: a connection.
package protocol Settler: AnyObject, Sendable {
    /// Settles a delivery of this connection. Called at most once a delivery.
    func settle(_ tag: UInt64, as disposition: Disposition) throws

    /// Whether the broker has taken a delivery back, since its link or channel was lost, and delivers the message again.
    /// Asked when a reader is about to get the delivery.
    func isStale(_ tag: UInt64) -> Bool

    /// Counts a stale delivery, which no reader gets.
    func skippedStale(_ tag: UInt64)
}

extension Settler {
    package func isStale(_ tag: UInt64) -> Bool { false }
    package func skippedStale(_ tag: UInt64) {}
}

/// The right to settle one delivery, once. If it is dropped unused the delivery goes back to its queue.
package final class Settlement: Sendable {
    private let tag: UInt64
    private let settler: any Settler
    private let isSettled = Atomic(false)

    package init(_ tag: UInt64, by settler: any Settler) {
        self.tag = tag
        self.settler = settler
    }

    deinit {
        guard !isSettled.load(ordering: .relaxed) else { return }
        // A connection that is gone has requeued it by itself.
        try? settler.settle(tag, as: .requeue)
    }

    /// Whether the broker has taken the delivery back.
    package var isStale: Bool { settler.isStale(tag) }

    /// Whether the delivery is worth nothing any more and no reader is to get it. One that is stale is counted.
    package func skipsStale() -> Bool {
        guard isStale else { return false }
        settler.skippedStale(tag)
        return true
    }

    package func settle(as disposition: Disposition) throws {
        let (isFirst, _) = isSettled.compareExchange(expected: false, desired: true, ordering: .relaxed)
        guard isFirst else {
            throw MessagingError(.alreadySettled, "this delivery has been settled before; a delivery is settled once")
        }
        try settler.settle(tag, as: disposition)
    }
}
