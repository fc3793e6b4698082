import DequeModule
import Martlet
import MartletTransport

/// Subscriptions, and what comes by them. On the session's loop.
final class Subscribers {
    private static let message = Array("message".utf8)
    private static let patternMessage = Array("pmessage".utf8)
    private static let pong = Array("pong".utf8)
    /// How many messages are delivered at a time.
    private static let maximumBatch = 128
    private static let maximumBatchBytes = 1 << 20

    private var table = SubscriptionTable<Inbox<Delivery>>()
    /// Who waits for the server's answers to what was asked on the subscriber's socket, in order.
    private var confirmations: Deque<Promise<Void>?> = []
    private var backlog = Backlog()
    /// What was read and not yet delivered. All of it is for the subscribers of the match.
    private var batch: Deque<Delivery> = []
    private var batchBytes = 0
    private var match = ChannelMatch()

    var isEmpty: Bool { table.isEmpty }

    /// Subscribes; once it has returned nothing is missed.
    ///
    /// - Returns: the number to unsubscribe by.
    func subscribe(
        to pattern: TopicPattern,
        _ inbox: Inbox<Delivery>,
        _ session: isolated RedisSession
    ) async throws -> Int {
        try session.checkOpen()
        let (member, change) = table.add(inbox, for: pattern)
        guard case .subscribe(let filter) = change else { return member }
        do {
            try await session.patiently {
                try session.checkOpen()
                let promise = Promise<Void>()
                try self.ask(filter.subscribe, filter, promise, session)
                try await session.answer(promise, "the subscription to \(filter.text)")
            }
            table.confirmed(filter)
            return member
        } catch {
            unsubscribe(member, session)
            throw error
        }
    }

    /// Ends what was subscribed to; does nothing if it has ended.
    func unsubscribe(_ member: Int, _ session: isolated RedisSession) {
        guard case .unsubscribe(let filter) = table.remove(member), session.isOpen else { return }
        try? ask(filter.unsubscribe, filter, nil, session)
    }

    private func ask(
        _ command: String,
        _ filter: WireFilter,
        _ promise: Promise<Void>?,
        _ session: isolated RedisSession
    ) throws {
        let link = try session.sockets[.subscriber] ?? session.sockets.open(.subscriber, session)
        confirmations.append(promise)
        link.write(CommandFormat.bytes(of: command, filter.text))
        link.flush()
        updatePause(session)
    }

    /// Asks for everything anew, on a new link.
    func restore(_ session: isolated RedisSession) async throws {
        table.linkLost()
        var promises: [(WireFilter, Promise<Void>)] = []
        for filter in table.filters {
            let promise = Promise<Void>()
            try ask(filter.subscribe, filter, promise, session)
            promises.append((filter, promise))
        }
        for (filter, promise) in promises {
            do {
                try await promise.value()
                table.confirmed(filter)
            } catch let error as MessagingError where error.code == .refused && !error.isRetriable {
                for inbox in table.removeAll(of: filter) { inbox.mailbox.finish(throwing: error) }
            }
        }
    }

    /// The link is gone: nothing that was asked will be answered.
    func failPending(_ error: any Error) {
        for promise in confirmations { promise?.end(.failure(error)) }
        confirmations.removeAll()
    }

    /// All subscriptions end after what has arrived.
    func end(_ error: (any Error)?) {
        for inbox in table.removeAll() { inbox.mailbox.finish(throwing: error) }
    }

    // MARK: What comes

    func received(_ reply: RedisValue, _ session: isolated RedisSession) {
        guard let parts = reply.array, let kind = parts.first?.bytes else {
            // So a PING is answered while nothing is subscribed to.
            if case .status = reply { return }
            if let error = reply.error, error.isUnread {
                return session.runtime.count(\.oversized, "a published message was not read: \(error)")
            }
            // The refusal of the oldest of what was asked.
            let error = reply.error?.asMessagingError("the subscription")
            confirm(
                .failure(error ?? MessagingError(.connectionLost, "the server answered something that was not asked"))
            )
            if let error = reply.error, error.outlook == .elsewhere { session.leaveReplica(error, by: .subscriber) }
            return
        }
        if kind == Self.message, parts.count == 3, let channel = parts[1].string, case .bytes(let body) = parts[2] {
            deliver(body, channel, by: .channel(ByteKey(channel)), session)
        } else if kind == Self.patternMessage, parts.count == 4, let glob = parts[1].string,
            let channel = parts[2].string, case .bytes(let body) = parts[3]
        {
            deliver(body, channel, by: .glob(ByteKey(glob)), session)
        } else if kind == Self.message || kind == Self.patternMessage {
            countUnnamed(session)
        } else if kind != Self.pong {
            confirm(.success(()))
        }
    }

    private func confirm(_ result: Result<Void, any Error>) {
        guard let promise = confirmations.popFirst() else { return }
        promise?.end(result)
    }

    private func deliver(
        _ body: [UInt8],
        _ channel: String,
        by filter: WireFilter,
        _ session: isolated RedisSession
    ) {
        deliverBatch(session)
        guard let new = ChannelMatch(filter, channel, table) else { return countUnnamed(session) }
        match = new
        add(body, session)
        deliverBatch(session)
    }

    /// Takes a message that lies in the buffer; it is delivered with those that follow and have the same match.
    func collect(_ push: PushedMessage, _ session: isolated RedisSession) {
        if !match.isFor(push, table.version) {
            deliverBatch(session)
            guard let new = ChannelMatch(push, table) else { return countUnnamed(session) }
            match = new
        }
        add([UInt8](push.body), session)
        // The reader need not wait for more, and what is in memory is bounded.
        if batch.count >= Self.maximumBatch || batchBytes >= Self.maximumBatchBytes { deliverBatch(session) }
    }

    private func countUnnamed(_ session: isolated RedisSession) {
        session.runtime.count(
            \.undecodable,
            "a message came whose channel is no name: it is not UTF-8, or has too many segments"
        )
    }

    private func add(_ body: [UInt8], _ session: isolated RedisSession) {
        backlog.read(bytes: body.count, isBehind: session.intake.gate.isClosed)
        guard !match.mailboxes.isEmpty else { return }
        do {
            let message = try session.runtime.wire.message(body, from: .publication)
            batch.append(Delivery(topic: match.isKnown ? nil : match.topic, message: message))
            batchBytes += message.weight
        } catch {
            session.runtime.count(\.undecodable, "a message of \(match.topic) could not be read: \(error)")
        }
    }

    /// Gives the readers what was collected for them.
    func deliverBatch(_ session: isolated RedisSession) {
        guard !batch.isEmpty else { return }
        batchBytes = 0
        for mailbox in match.mailboxes.dropLast() {
            var copies = batch
            mailbox.deliver(&copies, of: match.topic)
        }
        match.mailboxes.last?.deliver(&batch, of: match.topic)
        if session.intake.gate.isClosed { updatePause(session) }
    }

    /// Reads the subscriber's socket no further while a reader is behind.
    ///
    /// While an answer is awaited there it is read on, as far as the backlog may go.
    func updatePause(_ session: isolated RedisSession) {
        guard let link = session.sockets[.subscriber] else { return }
        link.isPaused = session.intake.gate.isClosed && !link.isCut && (confirmations.isEmpty || !backlog.hasRoom)
    }

    /// Finds out that the server has cut a subscriber that is too far behind. As long as nothing is read from its socket,
    /// that shows at the server alone.
    ///
    /// What the server had sent before is on its way and has an end, some megabytes at most; then comes the end of the
    /// link. So it is read on.
    func checkWhetherCut(_ session: isolated RedisSession) {
        guard let link = session.sockets[.subscriber], link.isPaused else { return }
        if link.hasBeenClosed { return link.readToTheEnd() }
        guard let id = link.clientID else { return }
        let command = ["CLIENT", "LIST", "ID", "\(id)"].map { Array($0.utf8) }
        let completion = Request.Completion.handler { session, result in
            guard case .success(.bytes(let clients)) = result, clients.isEmpty,
                let link = session.sockets[.subscriber], link.clientID == id
            else { return }
            link.readToTheEnd()
        }
        try? session.commands.perform(Request([command], completion), session)
    }
}
