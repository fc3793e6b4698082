public import Martlet

/// A subscription's mailbox as the loop of its connection fills it: while it is full the gate of the connection is
/// closed.
///
/// The loop can't wait. So elements that do not fit are parked beside the mailbox, and the socket is read no further: the
/// memory is bounded by the mailbox and by one round of reading.
@usableFromInline
package struct Inbox<Element: Sendable>: Sendable {
    @usableFromInline package let mailbox: Mailbox<Element>

    /// - Parameter weight: how much its elements may weigh together; `nil`: they are only counted.
    package init(limit: Int, overflow: Overflow, weight: MailboxWeight<Element>? = nil, gate: FlowGate) {
        mailbox = Mailbox(
            limit: limit,
            overflow: overflow,
            weight: weight,
            onFull: { gate.hold() },
            onRoom: { gate.letGo() }
        )
    }

    /// Puts an element in.
    ///
    /// - Parameter topic: the key by which `Overflow.conflate` tells elements apart.
    @inlinable
    package func offer(_ element: Element, topic: TopicName) {
        mailbox.offer(element, topic: topic)
    }
}

extension Inbox<Delivery> {
    /// Puts a delivery in, by its topic.
    package func deliver(_ delivery: Delivery) {
        offer(delivery, topic: delivery.topic)
    }
}
