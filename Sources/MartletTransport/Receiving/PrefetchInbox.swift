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
        var backlogBytes = 0
        var holdsGate = false
        var hasEnded = false
    }

    package let mailbox: Mailbox<Delivery>
    private let prefetch: Int
    private let backlogLimit: Int
    private let backlogMaximum: Int
    private let gate: FlowGate
    private let state = Mutex(State())

    /// - Parameters:
    ///   - prefetch: how many deliveries the consumer may hold unsettled.
    ///   - backlogLimit: how many more may wait before the gate is held.
    ///   - weight: how much those that wait may weigh together, here and again in the mailbox.
    package init(
        prefetch: Int,
        backlogLimit: Int = 1_024,
        weight: MailboxWeight<Delivery> = .bytes(64 << 20),
        gate: FlowGate
    ) {
        self.prefetch = prefetch
        self.backlogLimit = backlogLimit
        backlogMaximum = weight.limit
        self.gate = gate
        // It never holds more than that, so that only its weight can make it full.
        mailbox = Mailbox(limit: prefetch, weight: weight, onFull: { gate.hold() }, onRoom: { gate.letGo() })
    }

    /// Hands on a delivery, now or when the consumer has settled another. Each is answered by one ``settled()``.
    package func offer(_ delivery: Delivery) {
        let (reader, isFull): (Mailbox<Delivery>.Reader?, Bool) = state.withLock { state in
            // One that nobody wants any more is given back as it goes.
            if state.hasEnded { return (nil, false) }
            guard state.held >= prefetch else {
                state.held += 1
                return handOn(delivery)
            }
            state.backlog.append(delivery)
            state.backlogBytes += delivery.message.weight
            let isLong = state.backlog.count > backlogLimit || state.backlogBytes > backlogMaximum
            guard isLong, !state.holdsGate else { return (nil, false) }
            state.holdsGate = true
            return (nil, true)
        }
        reader?.resume()
        if isFull { gate.hold() }
    }

    /// A delivery was settled, or dropped unsettled.
    package func settled() {
        typealias Settled = (next: Delivery?, reader: Mailbox<Delivery>.Reader?, isFull: Bool, hasRoom: Bool)
        let (next, reader, isFull, hasRoom): Settled = state.withLock { state in
            guard !state.hasEnded else { return (nil, nil, false, false) }
            guard let next = state.backlog.popFirst() else {
                state.held -= 1
                return (nil, nil, false, false)
            }
            state.backlogBytes -= next.message.weight
            let isShort = state.backlog.count <= backlogLimit / 2 && state.backlogBytes <= backlogMaximum / 2
            let hasRoom = state.holdsGate && isShort
            if hasRoom { state.holdsGate = false }
            let (reader, isFull) = handOn(next)
            return (next, reader, isFull, hasRoom)
        }
        reader?.resume()
        if isFull { gate.hold() }
        if hasRoom { gate.letGo() }
        // It may be the last to hold the delivery, which does something as it goes: not under the lock.
        withExtendedLifetime(next) {}
    }

    /// Under the lock, so that deliveries stay in order; whoever reads is woken when it is released.
    private func handOn(_ delivery: Delivery) -> (reader: Mailbox<Delivery>.Reader?, isFull: Bool) {
        let (_, reader, isFull) = mailbox.offerWithoutWaking(delivery, topic: delivery.topic)
        return (reader, isFull)
    }

    /// Takes no more: what waits here is given back.
    package func end() {
        let (backlog, heldGate) = state.withLock { state in
            state.hasEnded = true
            defer {
                state.backlog = []
                state.backlogBytes = 0
                state.holdsGate = false
            }
            return (state.backlog, state.holdsGate)
        }
        if heldGate { gate.letGo() }
        // What is given back may itself do something as it goes, so it goes outside the lock.
        withExtendedLifetime(backlog) {}
    }
}
