#if os(Linux)
import Martlet
import MartletSimulation
import MartletTesting
import Synchronization

/// A connection with a bug.
actor Planted: Connection {
    private struct State {
        /// The calls that wait, in the order in which they were made.
        var calls: [(id: String, address: String)] = []
        /// The goals that have come.
        var goals: Set<String> = []
    }

    nonisolated let runtime: ConnectionRuntime
    nonisolated let capabilities: Capabilities
    private let inner: any Connection
    private let plant: Plant
    private let world: World
    private let state = Mutex(State())

    private init(_ inner: any Connection, _ plant: Plant, _ world: World) {
        self.inner = inner
        self.plant = plant
        self.world = world
        runtime = inner.runtime
        capabilities = inner.capabilities
    }

    /// The connection with the bug of a name; without a name, as it is.
    static func wrap(_ connection: any Connection, _ plant: String?, _ world: World) -> any Connection {
        guard let plant = plant.flatMap(Plant.init) else { return connection }
        return Planted(connection, plant, world)
    }

    // MARK: Going out

    nonisolated func publish(_ message: Message, to topic: TopicName, options: PublishOptions) async throws {
        if plant == .offlineForGood, options.retain, state.withLock({ !$0.goals.insert(topic.text).inserted }) {
            return
        }
        try await inner.publish(message, to: topic, options: options)
    }

    nonisolated func send(_ message: Message, to queue: QueueName, options: SendOptions) async throws {
        if plant == .replyByOrder, let id = message.headers.correlationID, let address = message.headers.replyTo {
            state.withLock { $0.calls.append((id, address)) }
        }
        if plant == .earlyConfirmation {
            Task { [inner, world] in
                try await world.sleep(for: .milliseconds(20))
                try await inner.send(message, to: queue, options: options)
            }
            return
        }
        try await inner.send(message, to: queue, options: options)
    }

    nonisolated func reply(_ message: Message, to address: String) async throws {
        var message = message
        if plant == .creditForgotten, let credit = message.headers[Headers.Standard.credit]?.integer {
            message.headers[Headers.Standard.credit] = .integer(credit + 100)
        }
        try await inner.reply(message, to: address)
    }

    // MARK: Coming in

    func openReplyAddress(
        _ receive: @escaping @Sendable (_ reply: Message, _ address: String) -> Void
    ) async throws -> ReplyAddress {
        guard plant == .replyByOrder else { return try await inner.openReplyAddress(receive) }
        return try await inner.openReplyAddress { [weak self] reply, address in
            guard let first = self?.state.withLock({ $0.calls.isEmpty ? nil : $0.calls.removeFirst() }) else {
                return receive(reply, address)
            }
            var reply = reply
            reply.headers.correlationID = first.id
            receive(reply, first.address)
        }
    }

    func subscribe(to pattern: TopicPattern, options: SubscribeOptions) async throws -> Subscription {
        let source = try await inner.subscribe(to: pattern, options: options)
        switch plant {
        case .forgottenSubscription where pattern.onlyTopic == nil:
            let isLost = LostLink(of: inner)
            return changed(source) { delivery in isLost.hasCome ? nil : delivery }
        case .timerOutlivesLink:
            Task { [inner, world] in
                for await state in inner.states() where state == .disconnected {
                    try await world.sleep(for: .milliseconds(300))
                    source.finish()
                    break
                }
            }
            return source
        default: return source
        }
    }

    func consume(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        let source = try await inner.consume(from: queue, options: options)
        switch plant {
        case .earlyAcknowledgement:
            return changed(source) { delivery in
                try? delivery.ack()
                return Delivery(topic: delivery.topic, message: delivery.message)
            }
        case .redeliveryDropped:
            return changed(source) { delivery in
                guard delivery.redeliveries > 0 else { return delivery }
                try? delivery.ack()
                return nil
            }
        case .earlyCancelLost, .goalTwice:
            return changed(source) { [weak self] delivery in self?.goalRequest(delivery, of: queue) ?? nil }
        default: return source
        }
    }

    private nonisolated func goalRequest(_ delivery: Delivery, of queue: QueueName) -> Delivery? {
        let name = queue.segments.last
        let goal = delivery.message.headers[Headers.Standard.goalID]?.string ?? ""
        let isNew = state.withLock { name == "send_goal" ? $0.goals.insert(goal).inserted : !$0.goals.contains(goal) }
        switch (plant, name) {
        case (.earlyCancelLost, "cancel_goal") where isNew:
            try? delivery.ack()
            return nil
        case (.goalTwice, "send_goal") where !isNew:
            var message = delivery.message
            message.headers[Headers.Standard.goalID] = nil
            return Delivery(topic: delivery.topic, message: message) { try delivery.settle($0) }
        default: return delivery
        }
    }

    /// A subscription to what a function makes of the deliveries of another.
    private nonisolated func changed(
        _ source: Subscription,
        _ change: @escaping @Sendable (Delivery) -> Delivery?
    ) -> Subscription {
        let mailbox = Mailbox<Delivery>(limit: 100)
        let pump = Task {
            do {
                for try await delivery in source {
                    if let changed = change(delivery) { _ = mailbox.offer(changed, topic: changed.topic) }
                }
                mailbox.finish()
            } catch {
                mailbox.finish(throwing: error is CancellationError ? nil : error)
            }
        }
        return Subscription(mailbox) { (ending: Subscription.Ending) in
            source.finish()
            pump.cancel()
            if ending != .dropped { mailbox.finish() }
        }
    }

    func close() async { await inner.close() }
}

/// Whether a connection has ever lost its link.
private final class LostLink: Sendable {
    private let lost = Atomic(false)

    var hasCome: Bool { lost.load(ordering: .relaxed) }

    init(of connection: any Connection) {
        Task { [weak self] in
            for await state in connection.states() where state == .disconnected {
                self?.lost.store(true, ordering: .relaxed)
            }
        }
    }
}

extension Delivery {
    fileprivate func settle(_ disposition: Disposition) throws {
        switch disposition {
        case .ack: try ack()
        case .requeue: try nack(requeue: true)
        case .reject: try nack(requeue: false)
        }
    }
}
#endif
