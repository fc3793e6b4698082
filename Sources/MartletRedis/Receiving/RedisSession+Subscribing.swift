import DequeModule
import Martlet
import MartletTransport

/// Subscriptions, and what comes by them.
extension RedisSession {
    private static let message = Array("message".utf8)
    private static let patternMessage = Array("pmessage".utf8)
    private static let pong = Array("pong".utf8)
    /// How many messages are delivered at a time.
    private static let maximumBatch = 128
    private static let maximumBatchBytes = 1 << 20

    /// Subscribes; once it has returned nothing is missed.
    ///
    /// - Returns: the number to unsubscribe by.
    func subscribe(to pattern: TopicPattern, _ inbox: Inbox<Delivery>) async throws -> Int {
        try checkOpen()
        let (member, change) = table.add(inbox, for: pattern)
        guard case .subscribe(let filter) = change else { return member }
        do {
            let promise = Promise<Void>()
            try ask(filter.subscribe, filter, promise)
            try await answer(promise, "the subscription to \(filter.text)")
            table.confirmed(filter)
            return member
        } catch {
            unsubscribe(member)
            throw error
        }
    }

    /// The server's answer to something that somebody waits for.
    func answer(_ promise: Promise<Void>, _ subject: String) async throws {
        let limit = options.connectTimeout
        try await promise.value(
            within: limit,
            of: runtime.timers,
            or: MessagingError(.timeout, "the server did not answer \(subject) within \(limit)")
        )
    }

    func checkOpen() throws {
        switch keeper.state {
        case .open: break
        case .idle, .opening, .restoring: throw MessagingError.offline
        case .draining, .closing, .closed: throw MessagingError.closed
        }
    }

    /// Ends what was subscribed to; does nothing if it has ended.
    func unsubscribe(_ member: Int) {
        guard case .unsubscribe(let filter) = table.remove(member), isOpen else { return }
        try? ask(filter.unsubscribe, filter, nil)
    }

    /// Ends what was subscribed to, soon. From any thread.
    nonisolated func leave(_ member: Int) {
        bell.execute { [weak self] in
            self?.assumeIsolated { $0.unsubscribe(member) }
        }
    }

    private func ask(_ command: String, _ filter: WireFilter, _ promise: Promise<Void>?) throws {
        let link = try links[.subscriber] ?? open(.subscriber)
        confirmations.append(promise)
        link.write(CommandFormat.bytes(of: command, filter.text))
        link.flush()
        updatePause()
    }

    /// Asks for everything anew, on a new link.
    func restoreSubscriptions() async throws {
        table.linkLost()
        var promises: [(WireFilter, Promise<Void>)] = []
        for filter in table.filters {
            let promise = Promise<Void>()
            try ask(filter.subscribe, filter, promise)
            promises.append((filter, promise))
        }
        for (filter, promise) in promises {
            do {
                try await promise.value()
                table.confirmed(filter)
            } catch let error as MessagingError where error.code == .refused {
                for inbox in table.removeAll(of: filter) { inbox.mailbox.finish(throwing: error) }
            }
        }
    }

    // MARK: What comes

    func receivedBySubscriber(_ reply: RedisValue) {
        guard let parts = reply.array, let kind = parts.first?.bytes else {
            // So a PING is answered while nothing is subscribed to.
            if case .status = reply { return }
            // The refusal of the oldest of what was asked.
            let error = reply.error?.asMessagingError("the subscription")
            return confirm(
                .failure(error ?? MessagingError(.connectionLost, "the server answered something that was not asked"))
            )
        }
        if kind == Self.message, parts.count == 3, let channel = parts[1].string, case .bytes(let body) = parts[2] {
            deliver(body, channel, by: .channel(ByteKey(channel)))
        } else if kind == Self.patternMessage, parts.count == 4, let glob = parts[1].string,
            let channel = parts[2].string, case .bytes(let body) = parts[3]
        {
            deliver(body, channel, by: .glob(ByteKey(glob)))
        } else if kind == Self.message || kind == Self.patternMessage {
            countUnnamed()
        } else if kind != Self.pong {
            confirm(.success(()))
        }
    }

    private func confirm(_ result: Result<Void, any Error>) {
        guard let promise = confirmations.popFirst() else { return }
        promise?.end(result)
    }

    private func deliver(_ body: [UInt8], _ channel: String, by filter: WireFilter) {
        deliverBatch()
        guard let new = ChannelMatch(filter, channel, table) else { return countUnnamed() }
        match = new
        add(body)
        deliverBatch()
    }

    /// Takes a message that lies in the buffer; it is delivered with those that follow and have the same match.
    func collect(_ push: PushedMessage) {
        if !match.isFor(push, table.version) {
            deliverBatch()
            guard let new = ChannelMatch(push, table) else {
                return countUnnamed()
            }
            match = new
        }
        add([UInt8](push.body))
        // The reader need not wait for more, and what is in memory is bounded.
        if batch.count >= Self.maximumBatch || batchBytes >= Self.maximumBatchBytes { deliverBatch() }
    }

    private func countUnnamed() {
        runtime.count(
            \.undecodable,
            "a message came whose channel is no name: it is not UTF-8, or has too many segments"
        )
    }

    private func add(_ body: [UInt8]) {
        backlog.read(bytes: body.count, isBehind: gate.isClosed)
        guard !match.mailboxes.isEmpty else { return }
        do {
            let message = try runtime.wire.message(body, from: .publication)
            batch.append(Delivery(topic: match.isKnown ? nil : match.topic, message: message))
            batchBytes += message.weight
        } catch {
            runtime.count(\.undecodable, "a message of \(match.topic) could not be read: \(error)")
        }
    }

    /// Gives the readers what was collected for them.
    func deliverBatch() {
        guard !batch.isEmpty else { return }
        batchBytes = 0
        for mailbox in match.mailboxes.dropLast() {
            var copies = batch
            mailbox.deliver(&copies, of: match.topic)
        }
        match.mailboxes.last?.deliver(&batch, of: match.topic)
        if gate.isClosed { updatePause() }
    }

    /// Reads the subscriber's socket no further while a reader is behind.
    ///
    /// While an answer is awaited there it is read on, as far as the backlog may go.
    func updatePause() {
        guard let link = links[.subscriber] else { return }
        link.isPaused = gate.isClosed && !link.isCut && (confirmations.isEmpty || !backlog.hasRoom)
    }
}
