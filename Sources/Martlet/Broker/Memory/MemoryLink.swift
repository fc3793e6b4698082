import DequeModule
import Synchronization

/// A connection's end at its broker. It is disconnected when the last reference to it goes.
final class MemoryLink: Settler {
    /// A publish that was made while there was no link.
    private struct Buffered {
        let message: Message
        let topic: TopicName
        let options: PublishOptions
        /// When it is worthless, by the connection's clock.
        let deadline: Duration?
    }

    /// In a struct, because a bare closure that is the whole state of a lock is wrapped anew, and the wrapping
    /// stored, at each access.
    private struct Receiver {
        var receive: (@Sendable (Message, String) -> Void)?
    }

    let broker: MemoryBroker
    let client: BrokerClient
    let runtime: ConnectionRuntime
    private let receiver = Mutex(Receiver())
    private let replies = Telling<(Message, String)>()
    private let online = Atomic(true)
    /// Whether it is being closed: then a message that is not taken fails for that reason, not because the link is lost.
    /// Set before the broker's lock is taken to leave, so that a task that finds the link gone under that lock sees it.
    private let isClosing = Atomic(false)
    private let waits = OpenWaits()
    private let buffer = Mutex<Deque<Buffered>>([])
    private let buffersOffline: Bool

    init(broker: MemoryBroker, client: BrokerClient, runtime: ConnectionRuntime) {
        self.broker = broker
        self.client = client
        self.runtime = runtime
        if case .buffer = runtime.options.whileOffline { buffersOffline = true } else { buffersOffline = false }
    }

    deinit {
        broker.disconnect(self)
    }

    /// Whether there is a link. Changed only under the broker's lock, so that a message either goes before the link
    /// is cut or finds it cut.
    var isOnline: Bool {
        get { online.load(ordering: .relaxed) }
        set { online.store(newValue, ordering: .relaxed) }
    }

    // MARK: Messages

    func publish(_ message: Message, to topic: TopicName, _ options: PublishOptions) async throws {
        try check(message)
        let outcome = try publishNow(message, to: topic, options)
        // Nearly every publish is done here, without a suspension point.
        if case .done = outcome { return }
        try await conclude(outcome, options.guarantee, expiry: options.expiry) { left in
            var options = options
            options.expiry = left
            return try publishNow(message, to: topic, options)
        } whileOffline: {
            try publishOffline(message, to: topic, options)
        }
    }

    /// Hands a message to the broker, after what was kept while there was no link.
    private func publishNow(
        _ message: Message,
        to topic: TopicName,
        _ options: PublishOptions
    ) throws -> MemoryBroker.Outcome {
        guard buffersOffline else { return try broker.publish(message, to: topic, options, from: self) }
        // Under one lock: the link may come back in between, and this message would overtake those.
        return try buffer.withLock { buffer in
            guard sendAll(of: &buffer) else { return .offline }
            return try broker.publish(message, to: topic, options, from: self)
        }
    }

    func send(_ message: Message, to queue: QueueName, _ options: SendOptions) async throws {
        try await dispatch(BrokerDispatch(message, to: .queue(queue)), options)
    }

    func reply(_ message: Message, to address: String) async throws {
        try await dispatch(BrokerDispatch(message, to: .reply(address)), SendOptions(guarantee: .atMostOnce))
    }

    private func dispatch(_ dispatch: BrokerDispatch, _ options: SendOptions) async throws {
        try check(dispatch.message)
        let outcome = try broker.dispatch(dispatch, options, from: self)
        if case .done = outcome { return }
        try await conclude(outcome, options.guarantee, expiry: options.expiry) { left in
            var options = options
            options.expiry = left
            return try broker.dispatch(dispatch, options, from: self)
        } whileOffline: {
            throw MessagingError.offline
        }
    }

    private func check(_ message: Message) throws {
        try Task.checkCancellation()
        try runtime.checkSize(of: message)
    }

    /// Waits for what kept a message from being done with at once.
    ///
    /// - Parameters:
    ///   - again: hands the message to the broker anew, when a lost link is back and there is a guarantee; it is told what is
    ///     left of the message's life.
    ///   - whileOffline: what is done instead if there is none.
    private func conclude(
        _ outcome: MemoryBroker.Outcome,
        _ guarantee: Guarantee,
        expiry: Duration?,
        again: (Duration?) throws -> MemoryBroker.Outcome,
        whileOffline: () throws -> Void
    ) async throws {
        var outcome = outcome
        let deadline = expiry.map { runtime.timers.now + $0 }
        while true {
            switch outcome {
            case .done:
                return
            case .heldBack(let messages):
                return try await waits.whileOpen {
                    try await wait(for: messages)
                } withdraw: { error in
                    messages.count { $0.withdraw(throwing: error) } > 0
                }
            case .offline:
                guard !isClosing.load(ordering: .relaxed) else { throw MessagingError.closed }
                guard guarantee != .atMostOnce else { return try whileOffline() }
                try await runtime.waitUntilConnected(within: deadline.map { $0 - runtime.timers.now })
                outcome = try again(deadline.map { max(.milliseconds(1), $0 - runtime.timers.now) })
            }
        }
    }

    /// Waits until every place that was full has taken the message.
    private func wait(for messages: [MemoryBroker.HeldBack]) async throws {
        for (index, message) in messages.enumerated() {
            do {
                try await message.waitUntilAdmitted()
            } catch {
                for other in messages[(index + 1)...] { other.withdraw() }
                throw error
            }
        }
    }

    private func publishOffline(_ message: Message, to topic: TopicName, _ options: PublishOptions) throws {
        switch runtime.options.whileOffline {
        case .fail:
            throw MessagingError.offline
        case .drop:
            runtime.count(\.droppedOffline, "a publish to \(topic) was dropped while there was no link")
        case .buffer(let limit):
            let overflows = buffer.withLock { buffer in
                buffer.append(
                    Buffered(
                        message: message,
                        topic: topic,
                        options: options,
                        deadline: options.expiry.map { runtime.timers.now + $0 }
                    )
                )
                guard buffer.count > max(0, limit) else { return false }
                buffer.removeFirst()
                return true
            }
            if overflows { runtime.count(\.droppedOffline, "too many publishes were made while there was no link") }
            // The link may have come back just before.
            sendBuffered()
        }
    }

    /// Sends, in order, what was kept while there was no link.
    private func sendBuffered() {
        buffer.withLock { _ = sendAll(of: &$0) }
    }

    /// - Returns: whether nothing is left.
    private func sendAll(of buffer: inout Deque<Buffered>) -> Bool {
        while let publish = buffer.first {
            var options = publish.options
            options.expiry = publish.deadline.map { $0 - runtime.timers.now }
            if let left = options.expiry, left <= .zero {
                buffer.removeFirst()
                runtime.count(\.droppedOffline, "a publish to \(publish.topic) expired while there was no link")
                continue
            }
            // The broker takes them at once. Those for a full mailbox wait outside it.
            let outcome = try? broker.publish(publish.message, to: publish.topic, options, from: self)
            if case .offline = outcome { return false }
            buffer.removeFirst()
        }
        return true
    }

    // MARK: Replies

    func hearReplies(_ receive: @escaping @Sendable (Message, String) -> Void) throws -> String {
        receiver.withLock { $0.receive = receive }
        return try broker.hearReplies(client)
    }

    /// Takes a reply, while the broker is locked.
    func take(_ reply: Message, at address: String) {
        replies.add((reply, address))
    }

    /// Hands over the replies that were taken, when the broker is unlocked.
    func handOverReplies() {
        replies.tell { reply, address in receiver.withLock { $0.receive }?(reply, address) }
    }

    // MARK: Deliveries

    func settle(_ tag: UInt64, as disposition: Disposition) throws {
        try broker.settle(tag, of: client, as: disposition)
    }

    func isStale(_ tag: UInt64) -> Bool { !broker.isHeld(tag) }

    func skippedStale(_ tag: UInt64) {
        runtime.count(\.staleDeliveries, "a delivery whose link was lost before it was read: it is delivered again")
    }

    // MARK: The link itself

    func cut() {
        broker.cut(self)
        runtime.linkLost(MessagingError(.connectionLost, "the link was lost while the call waited for its reply"))
    }

    func restore() {
        guard runtime.states.state == .disconnected, broker.restore(self) else { return }
        sendBuffered()
        runtime.states.set(.connected)
    }

    func close() async {
        await runtime.sendNotices()
        isClosing.store(true, ordering: .relaxed)
        runtime.beginLeaving()
        broker.disconnect(self)
        waits.close(MessagingError.closed)
        await runtime.close(MessagingError.closed)
    }
}
