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
        if let delay = decision.delay { try? await link.runtime.timers.sleep(for: delay) }
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
