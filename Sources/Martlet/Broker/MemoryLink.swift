import DequeModule
import Synchronization

/// A connection's end at its broker; it is disconnected when nobody holds it any more.
final class MemoryLink: Settler {
    /// A publish that was made while there was no link.
    private struct Buffered {
        let message: Message
        let topic: TopicName
        let options: PublishOptions
    }

    let broker: MemoryBroker
    let client: BrokerClient
    let runtime: ConnectionRuntime
    private let receiver = Mutex<(@Sendable (Message, String) -> Void)?>(nil)
    private let waits = OpenWaits()
    private let buffer = Mutex<Deque<Buffered>>([])

    init(broker: MemoryBroker, client: BrokerClient, runtime: ConnectionRuntime) {
        self.broker = broker
        self.client = client
        self.runtime = runtime
    }

    deinit {
        broker.disconnect(client)
    }

    // MARK: Messages

    func publish(_ message: Message, to topic: TopicName, _ options: PublishOptions) async throws {
        // What was kept while there was no link goes first.
        if case .buffer = runtime.options.whileOffline { sendBuffered() }
        try await dispatch(
            BrokerDispatch(message, to: .topic(topic, retain: options.retain)),
            SendOptions(guarantee: options.guarantee, expiry: options.expiry)
        ) {
            try self.publishOffline(message, to: topic, options)
        }
    }

    func send(_ message: Message, to queue: QueueName, _ options: SendOptions) async throws {
        try await dispatch(BrokerDispatch(message, to: .queue(queue)), options) { throw MessagingError.offline }
    }

    func reply(_ message: Message, to address: String) async throws {
        let options = SendOptions(guarantee: .atMostOnce)
        try await dispatch(BrokerDispatch(message, to: .reply(address)), options) { throw MessagingError.offline }
    }

    /// - Parameter whileOffline: what is done instead, without a guarantee, while there is no link.
    private func dispatch(
        _ dispatch: BrokerDispatch,
        _ options: SendOptions,
        whileOffline: () throws -> Void
    ) async throws {
        try Task.checkCancellation()
        try runtime.checkSize(of: dispatch.message)
        while true {
            switch try broker.dispatch(dispatch, from: client, options) {
            case .done:
                return
            case .heldBack(let mailboxes):
                return try await waits.whileOpen {
                    try await wait(for: mailboxes)
                } withdraw: { error in
                    mailboxes.count { $0.withdraw($1, throwing: error) } > 0
                }
            case .parked(let id, let queue):
                return try await waits.whileOpen {
                    try await broker.waitUntilAdmitted(id, to: queue)
                } withdraw: { [broker] error in
                    broker.withdraw(id, from: queue, throwing: error)
                }
            case .offline:
                guard runtime.states.state != .closed else { throw MessagingError.closed }
                guard options.guarantee != .atMostOnce else { return try whileOffline() }
                try await runtime.waitUntilConnected(within: options.expiry)
            }
        }
    }

    /// Waits until every mailbox that was full has taken the message.
    private func wait(for waits: [(Mailbox<Delivery>, UInt64)]) async throws {
        for (index, (mailbox, id)) in waits.enumerated() {
            do {
                try await mailbox.waitUntilAdmitted(id)
            } catch {
                for (mailbox, id) in waits[(index + 1)...] { mailbox.withdraw(id) }
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
                buffer.append(Buffered(message: message, topic: topic, options: options))
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
        buffer.withLock { buffer in
            while let publish = buffer.first {
                // The broker takes them at once; whoever is behind waits outside its mailbox.
                let dispatch = BrokerDispatch(
                    publish.message,
                    to: .topic(publish.topic, retain: publish.options.retain)
                )
                let options = SendOptions(expiry: publish.options.expiry)
                if case .offline = try? broker.dispatch(dispatch, from: client, options) { return }
                buffer.removeFirst()
            }
        }
    }

    // MARK: Replies

    func hearReplies(_ receive: @escaping @Sendable (Message, String) -> Void) throws -> String {
        receiver.withLock { $0 = receive }
        return try broker.hearReplies(client)
    }

    func receive(_ message: Message, at address: String) {
        receiver.withLock { $0 }?(message, address)
    }

    // MARK: Deliveries

    func settle(_ tag: UInt64, as disposition: Disposition) throws {
        try broker.settle(tag, of: client, as: disposition)
    }

    // MARK: The link itself

    func cut() {
        broker.cut(client)
        runtime.linkLost(MessagingError(.connectionLost, "the link was lost while the call waited for its reply"))
    }

    func restore() {
        guard runtime.states.state == .disconnected, broker.restore(client) else { return }
        sendBuffered()
        runtime.states.set(.connected)
    }

    func close() async {
        broker.disconnect(client)
        waits.close(MessagingError.closed)
        await runtime.close(MessagingError.closed)
    }
}
