package import Martlet

/// A subscription's mailbox as the loop of its connection fills it: while it is full the gate of the connection is
/// closed.
///
/// The loop can't wait. So what does not fit is parked beside the mailbox, and the socket is read no further: what is
/// in memory is bounded by the mailbox and by what one round of reading brings.
package struct Inbox<Element: Sendable>: Sendable {
    package let mailbox: Mailbox<Element>

    package init(limit: Int, overflow: Overflow, gate: FlowGate) {
        mailbox = Mailbox(limit: limit, overflow: overflow, onFull: { gate.hold() }, onRoom: { gate.letGo() })
    }

    /// Puts an element in.
    ///
    /// - Parameter topic: what ``Overflow/conflate`` tells elements apart by.
    package func offer(_ element: Element, topic: TopicName) {
        _ = mailbox.offer(element, topic: topic)
    }
}

extension Inbox<Delivery> {
    /// Puts a delivery in, by its topic.
    package func deliver(_ delivery: Delivery) {
        mailbox.deliver(delivery)
    }
}
