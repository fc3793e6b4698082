package import Martlet
import Synchronization

/// A subscription's mailbox as the loop of its connection fills it: where it is full, the gate of the connection is
/// held until its reader has caught up.
///
/// The loop can't wait. So what does not fit is parked beside the mailbox, and the socket is read no further: what is
/// in memory is bounded by the mailbox and by what one round of reading brings.
package final class Inbox: Sendable {
    package let mailbox: Mailbox<Delivery>
    private let hold: Hold

    package init(limit: Int, overflow: Overflow, gate: FlowGate) {
        let hold = Hold(gate)
        self.hold = hold
        mailbox = Mailbox(limit: limit, overflow: overflow, onRoom: { hold.release() })
    }

    /// Puts a delivery in.
    package func offer(_ delivery: Delivery) {
        guard case .parked = mailbox.offer(delivery, topic: delivery.topic) else { return }
        hold.acquire()
        // The reader may have been quicker, and then had nothing to let go.
        if !mailbox.isBackedUp { hold.release() }
    }

    /// One mailbox's share in holding a gate: once, however often it is asked.
    private final class Hold: Sendable {
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
}
