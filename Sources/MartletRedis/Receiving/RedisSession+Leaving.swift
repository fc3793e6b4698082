import Martlet
import MartletTransport

/// How consumers leave their queues: by themselves, with the link, or with the session.
extension RedisSession {
    /// Takes no more messages, soon. What has arrived can still be settled. From any thread.
    nonisolated func leaveQueue(_ number: Int) {
        if settlements.addLeaving(number) { bell.ring() }
    }

    /// Takes no more messages. What was told before goes back with the rest.
    func stop(_ number: Int) {
        guard beginToLeave(number) else { return }
        settle()
        disconnect(number)
    }

    /// - Returns: whether it had not begun to leave before.
    func beginToLeave(_ number: Int) -> Bool {
        guard let consumer = consumers[number], !consumer.isLeaving else { return false }
        consumer.isLeaving = true
        if isOpen { consumer.awaitsUnseen = true }
        return true
    }

    func disconnect(_ number: Int) {
        guard let consumer = consumers[number] else { return }
        switch keeper.state {
        case .open, .draining:
            let link = links.removeValue(forKey: .consumer(number))
            giveBackUnseen(of: consumer, client: link?.clientID)
            link?.close()
        // It is given back when there is a link again.
        case .idle, .opening, .restoring: links.removeValue(forKey: .consumer(number))?.close()
        // It is given back with what the others hold.
        case .closing, .closed: break
        }
    }

    /// Gives back what those held who left while there was no link.
    func finishLeaving() {
        for consumer in consumers.values where consumer.isLeaving { giveBackUnseen(of: consumer, client: nil) }
    }

    /// Looks for what the server has moved for a consumer that has left, and that never came here.
    private func giveBackUnseen(of consumer: Consumer, client: Int?) {
        let number = consumer.number
        consumer.awaitsUnseen = true
        var commands = [[Command.zrem, consumer.keys.consumers, Array(consumer.id.utf8)]]
        // What the server is about to move there must be there before it is looked at.
        if let client { commands.append(["CLIENT", "KILL", "ID", "\(client)"].map { Array($0.utf8) }) }
        commands.append([Command.lrange, consumer.list, Command.zero, Command.last])
        let request = Request(
            commands,
            slot: consumer.keys.slot,
            .handler { [weak self] result in
                self?.assumeIsolated { $0.giveBackUnseen(of: number, try? result.get().array?.last?.array) }
            }
        )
        write(request)
        flushCommands()
    }

    /// What was moved for a consumer that has left before it came here goes back as if nothing had been.
    private func giveBackUnseen(of number: Int, _ elements: [RedisValue]?) {
        guard let consumer = consumers[number] else { return }
        consumer.awaitsUnseen = false
        guard let elements else { return }
        var known: [[UInt8]: Int] = [:]
        for bytes in consumer.unfinished { known[bytes, default: 0] += 1 }
        var unseen: [(tag: UInt64, held: [UInt8], back: [UInt8])] = []
        for element in elements {
            guard case .bytes(let bytes) = element else { continue }
            if let count = known[bytes], count > 0 {
                known[bytes] = count - 1
            } else {
                // It comes after all that has come here.
                unseen.append((consumer.placeOfUnseen(bytes), bytes, bytes))
            }
        }
        giveBackTogether(unseen, of: consumer)
        giveBackIfComplete(number)
        flushCommands()
        forgetIfDone(number)
    }

    /// A consumer that has left and holds nothing is forgotten.
    func forgetIfDone(_ number: Int) {
        guard let consumer = consumers[number], consumer.isLeaving, !consumer.awaitsUnseen, consumer.held.isEmpty,
            consumer.returning == 0,
            links[.command] != nil
        else { return }
        consumers[number] = nil
        write(Request([forgetting(consumer)], slot: consumer.keys.slot, .handler { _ in }))
        flushCommands()
    }

    private func forgetting(_ consumer: Consumer) -> [[UInt8]] {
        script(Scripts.forget, keys: [consumer.keys.leases, consumer.list], [Array(consumer.id.utf8)])
    }

    // MARK: A lost link, and the end

    /// What was held can't be settled any more.
    func loseConsumers() {
        let error = MessagingError(
            .connectionLost,
            "the link by which the delivery came was lost: it will be delivered again"
        )
        for (number, consumer) in consumers {
            consumer.settler.end(error)
            lostHoldings[number, default: []].append(contentsOf: consumer.unfinished)
            consumers[number]?.linkLost()
            consumers[number]?.settler = ConsumerSettler(consumer: number, self)
        }
        for number in settlements.takeAll().left { _ = beginToLeave(number) }
    }

    /// Opens the consumers anew, after what they held has gone back to the queue.
    func restoreConsumers() async throws {
        for number in consumers.keys.sorted() {
            guard let consumer = consumers[number] else { continue }
            if let id = lostClients[number] {
                _ = try await perform("CLIENT", "KILL", "ID", "\(id)", slot: consumer.keys.slot)
            }
            let seen = Set(lostHoldings[number] ?? [])
            try await giveBackAll(of: consumer.id, consumer.keys) { seen.contains($0) }
            lostHoldings[number] = nil
            lostClients[number] = nil
            if consumer.isLeaving {
                consumers[number] = nil
                continue
            }
            do {
                try await start(number)
            } catch let error as MessagingError where error.code == .refused && !error.isRetriable {
                // This one alone ends.
                consumer.inbox.mailbox.finish(throwing: error)
                consumers[number] = nil
            }
        }
    }

    /// Subscriptions end after what has arrived; what is in hand can't be settled any more.
    func closeInboxes() {
        for consumer in consumers.values {
            consumer.settler.end(MessagingError.closed)
            consumer.inbox.mailbox.finish()
        }
    }

    /// Gives back what the consumers hold, and deletes what only this connection hears.
    func giveEverythingBack() async throws {
        settle()
        for number in consumers.keys.sorted() {
            guard let consumer = consumers[number] else { continue }
            let link = links.removeValue(forKey: .consumer(number))
            let client = link?.clientID
            link?.close()
            _ = try await perform(
                [[Command.zrem, consumer.keys.consumers, Array(consumer.id.utf8)]],
                slot: consumer.keys.slot
            )
            if let client { _ = try await perform("CLIENT", "KILL", "ID", "\(client)", slot: consumer.keys.slot) }
            let seen = Set(consumer.unfinished)
            try await giveBackAll(of: consumer.id, consumer.keys) { seen.contains($0) }
        }
        tendReplyLists()
        let lists = calls.unclean
        if !lists.isEmpty {
            _ = try await perform([["UNLINK"] + lists].map { $0.map { Array($0.utf8) } }, slot: replySlot)
        }
        try await ceaseToOwn(hasUnanswered: !lists.isEmpty)
        try await dropWill()
        // Everything before it has been done when this is answered.
        _ = try await perform("PING")
    }

    func endConsumers(_ error: (any Error)?) {
        for consumer in consumers.values {
            consumer.settler.end(MessagingError.closed)
            consumer.inbox.mailbox.finish(throwing: error)
        }
        consumers.removeAll()
    }
}
