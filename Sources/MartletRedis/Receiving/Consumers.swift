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
    var numbers: [Int] { all.keys.sorted() }

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
        for consumer in all.values { lose(consumer, session) }
        settling.linkLost()
        for number in session.intake.settlements.takeAll().left { _ = beginToLeave(number, session) }
    }

    /// A node of a cluster is lost: its queues' consumers begin anew when it is back, or another one has the queue.
    ///
    /// - Parameter roles: what the sockets were for that are lost with it.
    func lose(_ node: Destination, _ roles: [RedisSession.Role], _ session: isolated RedisSession) {
        for (number, consumer) in all where !consumer.isToStart {
            guard roles.contains(.consumer(number)) || session.commands.node(of: consumer.keys.slot) == node else {
                continue
            }
            beginLater(consumer, session)
        }
    }

    /// Has a consumer begin anew with the next signs of life.
    func beginLater(_ consumer: Consumer, _ session: isolated RedisSession) {
        lose(consumer, session)
        session.sockets.abandon(.consumer(consumer.number))
        settling.lose(consumer.number)
        consumer.isToStart = true
        session.signs.hasten(session)
    }

    private func lose(_ consumer: Consumer, _ session: isolated RedisSession) {
        consumer.settler.end(
            MessagingError(
                .connectionLost,
                "the link by which the delivery came was lost: it will be delivered again"
            )
        )
        consumer.lostHoldings.formUnion(unfinished(of: consumer))
        consumer.linkLost()
        consumer.settler = ConsumerSettler(consumer: consumer.number, session)
    }

    /// Opens the consumers anew, after what they held has gone back to the queue.
    func restore(_ session: isolated RedisSession) async throws {
        for consumer in all.values { consumer.isToStart = true }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in numbers { group.addTask { [session] in try await session.tend(number) } }
            try await group.waitForAll()
        }
    }

    /// Begins anew by a new link. One that the server will never let have messages ends; one that it refuses for a reason that
    /// passes is tried again with the signs of life.
    private func comeBack(_ consumer: Consumer, _ session: isolated RedisSession) async throws {
        let number = consumer.number
        do {
            try await endLostClient(of: consumer, session)
            let seen = consumer.lostHoldings
            try await giveBackAll(of: Array(consumer.id.utf8), consumer.keys, session) { seen.contains($0) }
            consumer.lostHoldings = []
            if consumer.isLeaving {
                all[number] = nil
            } else {
                try await start(number, session)
            }
        } catch let error as MessagingError where error.leavesLink {
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
    func giveEverythingBack(_ session: isolated RedisSession) async {
        settle(session)
        // Nothing more is taken.
        let clients = all.mapValues { session.sockets.close(.consumer($0.number)) }
        await withDiscardingTaskGroup { group in
            for (number, client) in clients {
                group.addTask { [session] in await session.giveEverythingBack(of: number, client: client) }
            }
        }
    }

    fileprivate func giveEverythingBack(
        of number: Int,
        client: RemoteClient?,
        _ session: isolated RedisSession
    ) async throws {
        await settling.finish(number, session)
        guard let consumer = all[number] else { return }
        let leave = [Command.zrem, consumer.keys.consumers, Array(consumer.id.utf8)]
        _ = try await session.commands.perform([leave], slot: consumer.keys.slot, session)
        if let client { _ = try await session.commands.perform([client.kill], to: client.role, session) }
        let seen = Set(unfinished(of: consumer)).union(consumer.lostHoldings)
        try await giveBackAll(of: Array(consumer.id.utf8), consumer.keys, session) { seen.contains($0) }
    }

    func end(_ error: (any Error)?) {
        for consumer in all.values {
            consumer.settler.end(MessagingError.closed)
            consumer.inbox.mailbox.finish(throwing: error)
        }
        all.removeAll()
    }

    // MARK: Signs of life

    /// Shows that a consumer is alive, and gives back what dead ones held; or has it begin anew. Not twice at the same time by
    /// one link: what is given back must not be what has just come.
    func tend(_ number: Int, _ session: isolated RedisSession) async throws {
        guard let consumer = all[number], consumer.tendedFor !== consumer.settler else { return }
        let settler = consumer.settler
        consumer.tendedFor = settler
        defer { if consumer.tendedFor === settler { consumer.tendedFor = nil } }
        if consumer.isToStart { try await comeBack(consumer, session) } else { try await renew(number, session) }
    }

    /// Shows that a consumer is alive while what shows it, and gives back what dead ones held, is under way.
    func renewMeanwhile(_ number: Int, _ session: isolated RedisSession) async throws {
        guard let consumer = all[number], !consumer.isToStart else { return }
        let role = try session.commands.roleBeside(consumer.keys.slot, session)
        let command = renewal(of: consumer, session)
        _ = try await session.commands.perform([command], slot: consumer.keys.slot, to: role, session)
    }

    private func renewal(of consumer: Consumer, _ session: isolated RedisSession) -> [[UInt8]] {
        let lease = Array(String(session.options.lease.atLeastOneMillisecond).utf8)
        return session.script(
            Scripts.renew,
            keys: [consumer.keys.consumers, consumer.keys.leases],
            [Array(consumer.id.utf8), lease, consumer.isLeaving ? Command.zero : Command.first]
        )
    }

    func renew(_ number: Int, _ session: isolated RedisSession) async throws {
        guard let consumer = all[number] else { return }
        let keys = consumer.keys
        let command = renewal(of: consumer, session)
        let reply = try await session.commands.perform([command], slot: keys.slot, session)
        try reply.check("a consumer of \(keys.queue)")
        for case let id? in (reply.array ?? []).map(\.bytes) where !isOwn(id) {
            do {
                try await endClient(called: id, at: session.commands.role(of: keys.slot), session)
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

    /// Ends the socket that a consumer has lost, if the server has not noticed: it would go on taking messages. What another
    /// server, or one that was started again, calls by that number is another client.
    private func endLostClient(of consumer: Consumer, _ session: isolated RedisSession) async throws {
        guard let id = session.sockets.lostClient(of: consumer.number) else { return }
        let commands = session.commands
        // By its key alone a cluster tells at which node it is. One that has lost the queue has ended all who waited for it.
        let keys = consumer.keys
        try await commands.perform([[Command.exists, keys.consumers]], slot: keys.slot, session)
            .check("a consumer of \(keys.queue)")
        let client = RemoteClient(id: id, by: commands.role(of: keys.slot))
        let line = try await commands.perform(words: "CLIENT", "LIST", "ID", "\(id)", to: client.role, by: session)
        if let text = line.string, ClientList.id(ofClientCalled: consumer.id, in: text) == "\(id)" {
            _ = try await commands.perform([client.kill], to: client.role, session)
        }
        session.sockets.forgetLostClient(of: consumer.number)
    }

    /// Ends the socket of a dead consumer, if the server has not noticed that it is: it would go on taking messages.
    ///
    /// - Parameter role: by what commands go to the node that keeps the queue, as its keys have told.
    private func endClient(
        called id: [UInt8],
        at role: RedisSession.Role,
        _ session: isolated RedisSession
    ) async throws {
        let commands = session.commands
        let clients = try await commands.perform(words: "CLIENT", "LIST", "TYPE", "normal", to: role, by: session)
        if let error = clients.error { tellOfEndless(id, error, session) }
        guard
            let clients = clients.string,
            let client = ClientList.id(ofClientCalled: String(decoding: id, as: UTF8.self), in: clients)
        else { return }
        let reply = try await commands.perform(words: "CLIENT", "KILL", "ID", client, to: role, by: session)
        // It may have gone by now, which is an error as well.
        if let error = reply.error, error.prefix == "NOPERM" { tellOfEndless(id, error, session) }
    }

    /// A user may not be allowed to end a socket: then the server finds out in its own time.
    private func tellOfEndless(_ id: [UInt8], _ error: RedisError, _ session: isolated RedisSession) {
        session.runtime.tell(
            of: "a consumer that is gone",
            "\(error): the server may go on giving messages to \(quoted(String(decoding: id, as: UTF8.self))), and then they "
                + "stay with it"
        )
    }
}

extension RedisSession {
    fileprivate func tend(_ consumer: Int) async throws { try await consumers.tend(consumer, self) }

    fileprivate func giveEverythingBack(of consumer: Int, client: RemoteClient?) async {
        try? await unlessAway { try await consumers.giveEverythingBack(of: consumer, client: client, self) }
    }
}
