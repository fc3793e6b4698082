import Martlet

/// Carries the deliveries of one subscription to its reader, doing to them what the plan says.
struct DeliveryPump: Sendable {
    let link: FaultyLink
    let mailbox: Mailbox<Delivery>
    /// Whether what is dropped is lost, and what is not may be dropped at all: from a queue it comes again.
    let losesMessages: Bool

    func run(from source: Subscription) async {
        let late = HeldOne<Delivery>(timers: link.runtime.timers) { [mailbox] delivery in
            _ = mailbox.offer(delivery, topic: delivery.topic)
        }
        do {
            for try await delivery in source { try await carry(delivery, late) }
            late.release()
            mailbox.finish()
        } catch {
            // Cancelled: the reader has left, or the connection is closed. What has arrived can still be read.
            late.release()
            while let delivery = source.nextIfReady() { _ = mailbox.offer(delivery, topic: delivery.topic) }
            mailbox.finish(throwing: error is CancellationError ? nil : error)
        }
    }

    private func carry(_ delivery: Delivery, _ late: HeldOne<Delivery>) async throws {
        guard let decision = link.decide(.delivery) else { return try await pass(on: delivery) }
        let delivery = link.plan.faults.halfOpen > 0 ? unheardInSilence(delivery) : delivery
        if let delay = decision.delay { try? await link.runtime.timers.sleep(for: delay) }
        try? await link.receive(delivery.message)
        if link.isSilent {
            guard !losesMessages else { return link.count(\.dropped) }
            // One from a queue is stale then, and its reader does not get it.
            try? await link.untilHeard()
        }
        switch decision.fate {
        case .drop where losesMessages || delivery.settlement != nil:
            link.count(\.dropped)
        case .duplicate:
            link.count(\.duplicated)
            try await pass(on: delivery)
            // Settling the one settles both.
            var copy = Delivery(
                topic: delivery.topic,
                message: delivery.message,
                redeliveries: delivery.redeliveries,
                isRetained: delivery.isRetained
            )
            copy.source = delivery.source
            try await pass(on: copy)
        case .overtaken(let others):
            link.count(\.reordered)
            if late.hold(delivery, others: others, atMost: link.plan.faults.maximumDelay) { return }
            try await pass(on: delivery)
        case .pass, .drop:
            try await pass(on: delivery)
        }
        late.passed()
    }

    /// The delivery, whose settlement does not arrive while the link is silent.
    private func unheardInSilence(_ delivery: Delivery) -> Delivery {
        guard let settlement = delivery.settlement else { return delivery }
        var copy = Delivery(
            topic: delivery.topic,
            message: delivery.message,
            redeliveries: delivery.redeliveries,
            isRetained: delivery.isRetained,
            settlement: Settlement(0, by: UnheardSettler(settlement, over: link))
        )
        copy.source = delivery.source
        return copy
    }

    private func pass(on delivery: Delivery) async throws {
        guard case .parked(let id) = mailbox.offer(delivery, topic: delivery.topic) else { return }
        do {
            try await mailbox.waitUntilAdmitted(id)
        } catch {
            // It was taken back; it has arrived all the same.
            _ = mailbox.offer(delivery, topic: delivery.topic)
            throw error
        }
    }
}

/// Settles a delivery over a link that may be silent.
private final class UnheardSettler: Settler {
    private let settlement: Settlement
    private let link: FaultyLink

    init(_ settlement: Settlement, over link: FaultyLink) {
        self.settlement = settlement
        self.link = link
    }

    func settle(_ tag: UInt64, as disposition: Disposition) throws {
        guard !link.isSilent else { return link.keepUnheard(settlement) }
        try settlement.settle(as: disposition)
    }

    func isStale(_ tag: UInt64) -> Bool { settlement.isStale }

    func skippedStale(_ tag: UInt64) { _ = settlement.skipsStale() }
}
