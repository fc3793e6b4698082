import Martlet
import Synchronization

/// Settles the deliveries of one channel of one link: a later link counts anew, so that what came before it can't be
/// settled any more, whatever its number.
final class ChannelSettler: Settler {
    enum State: Int, AtomicRepresentable {
        case live
        /// The channel or its link is gone: the broker delivers again.
        case lost
        case closed
    }

    let channel: UInt16
    private let state = Atomic(State.live)
    private let settlements: SettlementQueue

    init(channel: UInt16, settlements: SettlementQueue) {
        self.channel = channel
        self.settlements = settlements
    }

    /// Nothing can be settled any more.
    func end(_ new: State) { state.store(new, ordering: .relaxed) }

    func settle(_ tag: UInt64, as disposition: Disposition) throws {
        switch disposition {
        case .ack: try settle(.ack(tag: tag, multiple: false))
        case .requeue: try settle(.nack(tag: tag, multiple: false, requeue: true))
        case .reject: try settle(.nack(tag: tag, multiple: false, requeue: false))
        }
    }

    func isStale(_ tag: UInt64) -> Bool { state.load(ordering: .relaxed) == .lost }

    func skippedStale(_ tag: UInt64) { settlements.countStale() }

    /// Settles by a method of AMQP's.
    func settle(_ method: ClientMethod) throws {
        switch state.load(ordering: .relaxed) {
        case .live:
            settlements.add(SettlementQueue.Entry(settler: self, method: method))
        case .lost:
            throw MessagingError(
                .connectionLost,
                "the channel on which the delivery came is gone: the broker delivers it again"
            )
        case .closed:
            throw MessagingError.closed
        }
    }
}
