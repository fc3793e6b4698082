import Martlet
import MartletTransport
import Synchronization

/// What was told about a delivery.
struct SettledDelivery: Sendable {
    let consumer: Int
    let tag: UInt64
    let disposition: Disposition
}

/// What was told about deliveries, and who has left, since the loop last looked. It holds at most one entry a delivery.
///
/// Both are in one box, so that whoever leaves and then lets its deliveries go has left before any of them is seen: what
/// goes back of a consumer that stays goes at once, and a part of it to that consumer again.
final class SettlementBox: Sendable {
    struct Content: Sendable {
        var settled: [SettledDelivery] = []
        /// The consumers that take no more.
        var left: Set<Int> = []

        fileprivate var isEmpty: Bool { settled.isEmpty && left.isEmpty }
    }

    private let content = Mutex(Content())

    /// - Returns: whether there was nothing, so that the loop is to be told.
    func add(_ entry: SettledDelivery) -> Bool {
        change { $0.settled.append(entry) }
    }

    /// A consumer leaves.
    ///
    /// - Returns: whether there was nothing, so that the loop is to be told.
    func addLeaving(_ consumer: Int) -> Bool {
        change { $0.left.insert(consumer) }
    }

    func takeAll() -> Content {
        content.withLock { content in
            defer { content = Content() }
            return content
        }
    }

    private func change(_ body: (inout Content) -> Void) -> Bool {
        content.withLock { content in
            let wasEmpty = content.isEmpty
            body(&content)
            return wasEmpty
        }
    }
}

/// Settles the deliveries that came to a consumer by one link.
final class ConsumerSettler: Settler {
    private struct State {
        /// Why nothing can be settled any more.
        var failure: MessagingError?
    }

    private let consumer: Int
    private let intake: Intake
    private let runtime: ConnectionRuntime
    private let state = Mutex(State())

    init(consumer: Int, _ session: borrowing RedisSession) {
        self.consumer = consumer
        intake = session.intake
        runtime = session.runtime
    }

    func settle(_ tag: UInt64, as disposition: Disposition) throws {
        if let failure = state.withLock({ $0.failure }) { throw failure }
        let entry = SettledDelivery(consumer: consumer, tag: tag, disposition: disposition)
        if intake.settlements.add(entry) { intake.bell.ring() }
    }

    func isStale(_ tag: UInt64) -> Bool { state.withLock { $0.failure != nil } }

    func skippedStale(_ tag: UInt64) {
        runtime.count(\.staleDeliveries, "a delivery whose link was lost before it was read: it is delivered again")
    }

    /// The server gives to others what came by the link, or has done so.
    func end(_ error: MessagingError) {
        state.withLock { state in state.failure = state.failure ?? error }
    }
}
