import Logging
import Martlet
import MartletTransport

/// Consumers of queues. On the session's loop.
///
/// A consumer has each message moved from the queue's list to a list of its own (`BLMOVE`), on a socket of its own that
/// it asks ahead on for as many as it may hold; what is acknowledged is removed from there. It shows that it is alive
/// by a lease. Who finds a lease that is over gives back to the queue what its owner held.
final class Consumers {
    let settling = Settling()
    private var all: [Int: Consumer] = [:]
    private var lastNumber = 0

    var isEmpty: Bool { all.isEmpty }

    subscript(number: Int) -> Consumer? { all[number] }

    /// A consumer has left, and holds nothing.
    func forget(_ number: Int) { all[number] = nil }

    // MARK: Beginning

    /// Begins to consume.
    ///
    /// - Returns: the number to leave by.
    func consume(
        _ queue: QueueName,
        prefetch: Int,
        _ inbox: Inbox<Delivery>,
        _ session: isolated RedisSession
    ) async throws -> Int {
        try session.checkOpen()
        lastNumber += 1
        let number = lastNumber
        let id = "\(session.runtime.name)-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        all[number] = Consumer(
            number: number,
            id: id,
            keys: QueueKeys(queue),
            prefetch: prefetch,
            maximumBytes: session.runtime.waitingWeight.limit,
            inbox: inbox,
            settler: ConsumerSettler(consumer: number, session)
        )
        do {
            try await session.patiently {
                try session.checkOpen()
                try await self.start(number, session)
            }
            return number
        } catch {
            stop(number, session)
            throw error
        }
    }

    /// Says that a consumer is there, and begins to take messages. Does nothing if it takes them already.
    private func start(_ number: Int, _ session: isolated RedisSession) async throws {
        try await renew(number, session)
        guard let consumer = all[number], !consumer.isLeaving, session.sockets[.consumer(number)] == nil else { return }
        consumer.isToStart = false
        try session.sockets.open(.consumer(number), to: session.commands.node(of: consumer.keys.slot), session)
        refill(number, session)
    }

    /// Asks for as many messages as there is room for.
    func refill(_ number: Int, _ session: isolated RedisSession) {
        guard let link = session.sockets[.consumer(number)], let consumer = all[number] else { return }
        // What was asked for ahead stays at the server meanwhile.
        link.isPaused = consumer.isFull
        let room = consumer.room
        guard room > 0 else { return }
        let move = CommandFormat.bytes(of: [
            Command.blmove, consumer.keys.list, consumer.list, Command.left, Command.right, Command.zero,
        ])
        for _ in 0..<room { link.write(move) }
        consumer.moves += room
        link.flush()
    }

    func isReady(_ number: Int, _ session: isolated RedisSession) {
        // It has left before it began.
        if all[number].map(\.isLeaving) ?? true { session.sockets.close(.consumer(number)) }
    }

    // MARK: A lost link, and the end

    /// What was held can't be settled any more.
    func lose(_ session: isolated RedisSession) {
        let error = MessagingError(
            .connectionLost,
            "the link by which the delivery came was lost: it will be delivered again"
        )
        for (number, consumer) in all {
            consumer.settler.end(error)
            consumer.lostHoldings.formUnion(unfinished(of: consumer))
            consumer.linkLost()
            consumer.settler = ConsumerSettler(consumer: number, session)
        }
        settling.linkLost()
        for number in session.intake.settlements.takeAll().left { _ = beginToLeave(number, session) }
    }

    /// Opens the consumers anew, after what they held has gone back to the queue.
    func restore(_ session: isolated RedisSession) async throws {
        for number in all.keys.sorted() {
            all[number]?.isToStart = true
            try await comeBack(number, session)
        }
    }

    /// Begins anew by a new link. One that the server will never let have messages ends; one that it refuses for a reason that
    /// passes is tried again with the signs of life.
    private func comeBack(_ number: Int, _ session: isolated RedisSession) async throws {
        guard let consumer = all[number], consumer.isToStart else { return }
        do {
            if let client = session.sockets.takeLostClient(of: number) {
                try await endClient(client, called: consumer.id, slot: consumer.keys.slot, session)
            }
            let seen = consumer.lostHoldings
            try await giveBackAll(of: Array(consumer.id.utf8), consumer.keys, session) { seen.contains($0) }
            consumer.lostHoldings = []
            if consumer.isLeaving {
                all[number] = nil
            } else {
                try await start(number, session)
            }
        } catch let error as MessagingError where error.cause is RedisError && error.code != .connectionLost {
            guard !error.isRetriable else { return session.signs.wasRefused(error, session) }
            consumer.inbox.mailbox.finish(throwing: error)
            all[number] = nil
        }
    }

    /// Gives back what those held who left while there was no link.
    func finishLeaving(_ session: isolated RedisSession) {
        for consumer in all.values where consumer.isLeaving { findUnseen(of: consumer, client: nil, session) }
    }

    /// Subscriptions end; what is in hand can't be settled any more.
    func closeInboxes() {
        for consumer in all.values {
            consumer.settler.end(MessagingError.closed)
            consumer.inbox.mailbox.finish()
        }
    }

    /// Gives back what the consumers hold, once what they were done with is.
    func giveEverythingBack(_ session: isolated RedisSession) async throws {
        settle(session)
        // Nothing more is taken.
        let clients = all.mapValues { session.sockets.close(.consumer($0.number)) }
        await settling.finish(session)
        for number in all.keys.sorted() {
            guard let consumer = all[number] else { continue }
            let slot = consumer.keys.slot
            let leave = [Command.zrem, consumer.keys.consumers, Array(consumer.id.utf8)]
            _ = try await session.commands.perform([leave], slot: slot, session)
            if let client = clients[number] ?? nil {
                _ = try await session.commands.perform(
                    words: "CLIENT",
                    "KILL",
                    "ID",
                    "\(client)",
                    slot: slot,
                    by: session
                )
            }
            let seen = Set(unfinished(of: consumer)).union(consumer.lostHoldings)
            try await giveBackAll(of: Array(consumer.id.utf8), consumer.keys, session) { seen.contains($0) }
        }
    }

    func end(_ error: (any Error)?) {
        for consumer in all.values {
            consumer.settler.end(MessagingError.closed)
            consumer.inbox.mailbox.finish(throwing: error)
        }
        all.removeAll()
    }

    // MARK: Signs of life

    /// Shows that each consumer is alive, and gives back what dead ones held. One that is refused is no reason not to show
    /// that the others are alive.
    func renew(_ session: isolated RedisSession) async throws {
        for number in all.keys.sorted() {
            do {
                try await comeBack(number, session)
                if all[number]?.isToStart == false { try await renew(number, session) }
            } catch let error as MessagingError where error.cause is RedisError && error.code != .connectionLost {
                session.signs.wasRefused(error, session)
            }
        }
    }

    func renew(_ number: Int, _ session: isolated RedisSession) async throws {
        guard let consumer = all[number] else { return }
        let keys = consumer.keys
        let lease = Array(String(session.options.lease.atLeastOneMillisecond).utf8)
        let command = session.script(
            Scripts.renew,
            keys: [keys.consumers, keys.leases],
            [Array(consumer.id.utf8), lease, consumer.isLeaving ? Command.zero : Command.first]
        )
        let reply = try await session.commands.perform([command], slot: keys.slot, session)
        try reply.check("a consumer of \(keys.queue)")
        for case let id? in (reply.array ?? []).map(\.bytes) where !isOwn(id) {
            do {
                try await endClient(called: id, slot: keys.slot, session)
                let count = try await giveBackAll(of: id, keys, session) { _ in true }
                if count > 0 {
                    session.runtime.logger.notice(
                        "\(count) messages of \(keys.queue) came back from a consumer that is gone"
                    )
                }
            } catch let error as MessagingError where error.cause is RedisError && !error.isRetriable {
                // Anybody may have written the name, and what it is said to hold.
                session.runtime.count(\.undecodable, "a consumer of \(keys.queue) that is none was forgotten: \(error)")
                session.commands.insist([[Command.zrem, keys.leases, id]], slot: keys.slot, session)
            }
        }
    }

    private func isOwn(_ id: [UInt8]) -> Bool { all.values.contains { Array($0.id.utf8) == id } }

    /// Ends a socket of this connection's that is lost, if the server has not noticed: it would go on taking messages. What
    /// another server, or one that was started again, calls by that number is another client.
    private func endClient(
        _ client: Int,
        called id: String,
        slot: Int,
        _ session: isolated RedisSession
    ) async throws {
        let commands = session.commands
        let line = try await commands.perform(words: "CLIENT", "LIST", "ID", "\(client)", slot: slot, by: session)
        guard let text = line.string, ClientList.id(ofClientCalled: id, in: text) == "\(client)" else { return }
        _ = try await commands.perform(words: "CLIENT", "KILL", "ID", "\(client)", slot: slot, by: session)
    }

    /// Ends the socket of a dead consumer, if the server has not noticed that it is: it would go on taking messages.
    private func endClient(called id: [UInt8], slot: Int, _ session: isolated RedisSession) async throws {
        let commands = session.commands
        // A user may not be allowed to; then the server finds out in its own time.
        guard
            let clients = try await commands.perform(words: "CLIENT", "LIST", "TYPE", "normal", slot: slot, by: session)
                .string,
            let client = ClientList.id(ofClientCalled: String(decoding: id, as: UTF8.self), in: clients)
        else { return }
        _ = try await commands.perform(words: "CLIENT", "KILL", "ID", client, slot: slot, by: session)
    }
}
