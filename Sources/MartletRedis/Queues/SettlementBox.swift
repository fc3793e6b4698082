import Martlet
import Synchronization

/// What was told about a delivery.
struct SettledDelivery: Sendable {
    let consumer: Int
    let tag: UInt64
    let disposition: Disposition
}

/// What was told about deliveries since the loop last looked. It holds at most one entry a delivery.
final class SettlementBox: Sendable {
    private let entries = Mutex<[SettledDelivery]>([])

    /// - Returns: whether it is the first, so that the loop is to be told.
    func add(_ entry: SettledDelivery) -> Bool {
        entries.withLock { entries in
            entries.append(entry)
            return entries.count == 1
        }
    }

    func takeAll() -> [SettledDelivery] {
        entries.withLock { entries in
            defer { entries = [] }
            return entries
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
    private let box: SettlementBox
    private let bell: Bell
    private let state = Mutex(State())

    init(consumer: Int, _ session: borrowing RedisSession) {
        self.consumer = consumer
        box = session.settlements
        bell = session.bell
    }

    func settle(_ tag: UInt64, as disposition: Disposition) throws {
        if let failure = state.withLock({ $0.failure }) { throw failure }
        if box.add(SettledDelivery(consumer: consumer, tag: tag, disposition: disposition)) { bell.ring() }
    }

    /// The server gives to others what came by the link, or has done so.
    func end(_ error: MessagingError) {
        state.withLock { state in state.failure = state.failure ?? error }
    }
}
