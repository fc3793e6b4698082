import DequeModule
package import Martlet
import Synchronization

/// A consumer's mailbox where the broker does not count what a consumer holds: it gets no more deliveries than it may
/// hold unsettled, and the rest waits here.
///
/// What waits is bounded by the gate of the connection: beyond the limit its socket is read no further.
package final class PrefetchInbox: Sendable {
    private struct State {
        /// Delivered and not settled.
        var held = 0
        var backlog: Deque<Delivery> = []
        var holdsGate = false
        var hasEnded = false
    }

    package let mailbox: Mailbox<Delivery>
    private let prefetch: Int
    private let backlogLimit: Int
    private let gate: FlowGate
    private let state = Mutex(State())

    /// - Parameters:
    ///   - prefetch: how many deliveries the consumer may hold unsettled.
    ///   - backlogLimit: how many more may wait before the gate is held.
    package init(prefetch: Int, backlogLimit: Int = 1_024, gate: FlowGate) {
        self.prefetch = prefetch
        self.backlogLimit = backlogLimit
        self.gate = gate
        // It never holds more than that, so it is never full.
        mailbox = Mailbox(limit: prefetch)
    }

    /// Hands on a delivery, now or when the consumer has settled another. Each is answered by one ``settled()``.
    package func offer(_ delivery: Delivery) {
        let (reader, isFull): (Mailbox<Delivery>.Reader?, Bool) = state.withLock { state in
            // One that nobody wants any more is given back as it goes.
            if state.hasEnded { return (nil, false) }
            guard state.held >= prefetch else {
                state.held += 1
                return (handOn(delivery), false)
            }
            state.backlog.append(delivery)
            guard state.backlog.count > backlogLimit, !state.holdsGate else { return (nil, false) }
            state.holdsGate = true
            return (nil, true)
        }
        reader?.resume()
        if isFull { gate.hold() }
    }

    /// A delivery was settled, or dropped unsettled.
    package func settled() {
        let (next, reader, hasRoom): (Delivery?, Mailbox<Delivery>.Reader?, Bool) = state.withLock { state in
            guard !state.hasEnded else { return (nil, nil, false) }
            guard let next = state.backlog.popFirst() else {
                state.held -= 1
                return (nil, nil, false)
            }
            let hasRoom = state.holdsGate && state.backlog.count <= backlogLimit / 2
            if hasRoom { state.holdsGate = false }
            return (next, handOn(next), hasRoom)
        }
        reader?.resume()
        if hasRoom { gate.letGo() }
        // It may be the last to hold the delivery, which does something as it goes: not under the lock.
        withExtendedLifetime(next) {}
    }

    /// Under the lock, so that deliveries stay in order; whoever reads is woken when it is released.
    private func handOn(_ delivery: Delivery) -> Mailbox<Delivery>.Reader? {
        mailbox.offerWithoutWaking(delivery, topic: delivery.topic).reader
    }

    /// Takes no more: what waits here is given back.
    package func end() {
        let (backlog, heldGate) = state.withLock { state in
            state.hasEnded = true
            defer {
                state.backlog = []
                state.holdsGate = false
            }
            return (state.backlog, state.holdsGate)
        }
        if heldGate { gate.letGo() }
        // What is given back may itself do something as it goes, so it goes outside the lock.
        withExtendedLifetime(backlog) {}
    }
}
