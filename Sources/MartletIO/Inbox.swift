package import Martlet
import Synchronization

/// A subscription's mailbox as the loop of its connection fills it: where it is full, the gate of the connection is
/// held until its reader has caught up.
///
/// The loop can't wait. So what does not fit is parked beside the mailbox, and the socket is read no further: what is
/// in memory is bounded by the mailbox and by what one round of reading brings.
package final class Inbox<Element: Sendable>: Sendable {
    package let mailbox: Mailbox<Element>
    private let hold: GateHold

    package init(limit: Int, overflow: Overflow, gate: FlowGate) {
        let hold = GateHold(gate)
        self.hold = hold
        mailbox = Mailbox(limit: limit, overflow: overflow, onRoom: { hold.release() })
    }

    /// Puts an element in.
    ///
    /// - Parameter topic: what ``Overflow/conflate`` tells elements apart by.
    package func offer(_ element: Element, topic: TopicName) {
        guard case .parked = mailbox.offer(element, topic: topic) else { return }
        hold.acquire()
        // The reader may have been quicker, and then had nothing to let go.
        if !mailbox.isBackedUp { hold.release() }
    }
}

/// One mailbox's share in holding a gate: once, however often it is asked.
private final class GateHold: Sendable {
    private let gate: FlowGate
    private let isHeld = Atomic(false)

    init(_ gate: FlowGate) { self.gate = gate }

    func acquire() {
        if !isHeld.exchange(true, ordering: .sequentiallyConsistent) { gate.hold() }
    }

    func release() {
        if isHeld.exchange(false, ordering: .sequentiallyConsistent) { gate.letGo() }
    }
}
