import Logging
import Martlet
import MartletTransport

/// Consumers of queues.
///
/// A consumer has each message moved from the queue's list to a list of its own (`BLMOVE`), on a socket of its own that
/// it asks ahead on for as many as it may hold; what is acknowledged is removed from there. It shows that it is alive
/// by a lease. Who finds a lease that is over gives back to the queue what its owner held.
extension RedisSession {
    /// Begins to consume.
    ///
    /// - Returns: the number to leave by.
    func consume(_ queue: QueueName, prefetch: Int, _ inbox: Inbox<Delivery>) async throws -> Int {
        try checkOpen()
        lastConsumer += 1
        let number = lastConsumer
        let id = "\(runtime.name)-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))"
        consumers[number] = Consumer(
            number: number,
            id: id,
            keys: QueueKeys(queue),
            prefetch: prefetch,
            maximumBytes: runtime.waitingWeight.limit,
            inbox: inbox,
            settler: ConsumerSettler(consumer: number, self)
        )
        do {
            try await start(number)
            return number
        } catch {
            stop(number)
            throw error
        }
    }

    /// Says that a consumer is there, and begins to take messages.
    func start(_ number: Int) async throws {
        try await renew(number)
        guard let consumer = consumers[number], !consumer.isLeaving else { return }
        try open(.consumer(number), to: nodes[consumer.keys.slot])
        refill(number)
    }

    /// Asks for as many messages as there is room for.
    func refill(_ number: Int) {
        guard let link = links[.consumer(number)], let consumer = consumers[number] else { return }
        let room = consumer.room
        guard room > 0 else { return }
        let move = CommandFormat.bytes(of: [
            Command.blmove, consumer.keys.list, consumer.list, Command.left, Command.right, Command.zero,
        ])
        for _ in 0..<room { link.write(move) }
        consumer.moves += room
        link.flush()
    }

    func consumerIsReady(_ number: Int) {
        // It has left before it began.
        if consumers[number].map(\.isLeaving) ?? true { links.removeValue(forKey: .consumer(number))?.close() }
    }

    /// The command that runs a script.
    func script(_ script: [UInt8], keys: [[UInt8]], _ arguments: [[UInt8]]) -> [[UInt8]] {
        Scripts.run((hasScriptFlags ? Scripts.allowance : []) + script, keys: keys, arguments)
    }

    // MARK: What comes

    func receivedByConsumer(_ reply: RedisValue, _ number: Int) {
        guard let consumer = consumers[number] else { return }
        consumer.moves -= 1
        if let error = reply.error {
            if error.prefix == "OOM" { return starve(number) }
            if error.prefix == "MOVED", learn(from: error) { return move(number) }
            // The next ones fail in the same way.
            let failure = error.asMessagingError("consuming \(consumer.keys.queue)")
            consumer.inbox.mailbox.finish(throwing: failure)
            return stop(number)
        }
        if case .bytes(let bytes) = reply { take(bytes, number) }
    }

    /// An element has been moved to a consumer.
    private func take(_ bytes: [UInt8], _ number: Int) {
        guard let consumer = consumers[number] else { return }
        let element = QueueElement(bytes, runtime.wire)
        let tag = consumer.hold(bytes, bytes: element.message.weight)
        if element.isFiller { return settle(SettledDelivery(consumer: number, tag: tag, disposition: .ack)) }
        guard element.isReadable else {
            runtime.count(\.undecodable, "a message of \(consumer.keys.queue) could not be read")
            _ = consumer.release(tag)
            return bury(element, number, "rejected")
        }
        if let expires = element.expires, clock.isOver(expires) {
            _ = consumer.release(tag)
            return bury(element, number, "expired")
        }
        let delivery = Delivery(
            topic: nil,
            message: element.message,
            redeliveries: element.redeliveries,
            settlement: Settlement(tag, by: consumer.settler)
        )
        consumer.inbox.deliver(delivery)
    }

    /// The queue is on another node of the cluster now, and with it what is held.
    private func move(_ number: Int) {
        links.removeValue(forKey: .consumer(number))?.close()
        consumers[number]?.moves = 0
        guard let slot = consumers[number]?.keys.slot else { return }
        do {
            try open(.consumer(number), to: nodes[slot])
            refill(number)
        } catch {
            linkFailed(MessagingError(.connectionLost, "a node of the cluster could not be connected to", cause: error))
        }
    }

    /// The server has no memory left. What is taken frees some: so it is taken in another way, until this one works.
    private func starve(_ number: Int) {
        guard consumers[number]?.isStarving == false else { return }
        consumers[number]?.isStarving = true
        loop.schedule(after: .milliseconds(50)) { [weak self] in
            self?.assumeIsolated { $0.moveWithoutMemory(number) }
        }
    }

    private func moveWithoutMemory(_ number: Int) {
        guard let consumer = consumers[number], consumer.isStarving, !consumer.isLeaving
        else { return }
        let room = consumer.roomWhileStarving
        guard room > 0 else {
            consumers[number]?.isStarving = false
            return refill(number)
        }
        let command = script(
            Scripts.move,
            keys: [consumer.keys.list, consumer.list],
            [Array(String(room).utf8)]
        )
        let settler = consumer.settler
        let completion = Request.Completion.handler { [weak self] result in
            self?.assumeIsolated { session in
                guard let elements = try? result.get().array else { return session.stopStarving(number) }
                for element in elements {
                    // By another link they would have gone back.
                    guard case .bytes(let bytes) = element, session.consumers[number]?.settler === settler else {
                        continue
                    }
                    session.take(bytes, number)
                }
                session.stopStarving(number)
            }
        }
        write(Request([command], slot: consumer.keys.slot, completion))
        flushCommands()
    }

    private func stopStarving(_ number: Int) {
        consumers[number]?.isStarving = false
        refill(number)
    }

    // MARK: Settling

    /// Tells the server what was told here.
    func settle() {
        let told = settlements.takeAll()
        // First of all: what they let go is not to come back to them.
        let leaving = told.left.filter { beginToLeave($0) }
        settle(told.settled)
        for number in leaving { disconnect(number) }
    }

    private func settle(_ entries: [SettledDelivery]) {
        guard !entries.isEmpty else { return }
        for (number, entries) in Dictionary(grouping: entries.filter { $0.disposition == .requeue }, by: \.consumer) {
            guard let consumer = consumers[number] else { continue }
            let elements = entries.compactMap { entry in
                consumer.release(entry.tag).map { element, place in
                    (tag: place, held: element, back: QueueElement(element, runtime.wire).givenBack)
                }
            }
            if consumer.isLeaving {
                giveBackTogether(elements, of: consumer)
            } else {
                giveBack(elements, of: consumer)
            }
        }
        for entry in entries where entry.disposition != .requeue { settle(entry) }
        flushCommands()
        for number in Set(entries.map(\.consumer)) {
            giveBackIfComplete(number)
            refill(number)
            forgetIfDone(number)
        }
    }

    private func settle(_ entry: SettledDelivery) {
        guard let consumer = consumers[entry.consumer], let (bytes, place) = consumer.release(entry.tag) else { return }
        switch entry.disposition {
        case .ack:
            let command = [Command.lrem, consumer.list, Command.first, bytes]
            write(Request([command], slot: consumer.keys.slot, .handler { _ in }))
        case .requeue:
            giveBack([(place, bytes, QueueElement(bytes, runtime.wire).givenBack)], of: consumer)
        case .reject:
            bury(QueueElement(bytes, runtime.wire), entry.consumer, "rejected")
        }
    }

    /// Gives back what a consumer that leaves lets go when it holds nothing any more, or after the time of a lease: it lets
    /// go one after the other, not always in order, and others wait to take what comes first.
    func giveBackTogether(
        _ elements: [(tag: UInt64, held: [UInt8], back: [UInt8])],
        of consumer: Consumer
    ) {
        guard !elements.isEmpty else { return }
        let isFirst = consumer.deferred.isEmpty
        consumer.deferred += elements
        consumer.returning += elements.count
        guard isFirst else { return }
        let number = consumer.number
        loop.schedule(after: options.lease) { [weak self] in
            self?.assumeIsolated { $0.giveBackDeferred(number) }
        }
    }

    /// Gives back what was let go if nothing more can follow.
    func giveBackIfComplete(_ number: Int) {
        guard let consumer = consumers[number], consumer.held.isEmpty, !consumer.awaitsUnseen else { return }
        giveBackDeferred(number)
    }

    private func giveBackDeferred(_ number: Int) {
        guard isOpen, let consumer = consumers[number], !consumer.deferred.isEmpty else { return }
        let elements = consumer.deferred
        consumer.deferred.removeAll()
        consumer.returning -= elements.count
        giveBack(elements, of: consumer)
        flushCommands()
    }

    /// Gives elements back at once, lest somebody takes a later one before an earlier one is there.
    func giveBack(_ elements: [(tag: UInt64, held: [UInt8], back: [UInt8])], of consumer: Consumer) {
        guard !elements.isEmpty else { return }
        consumer.returning += elements.count
        var arguments: [[UInt8]] = []
        for element in elements.sorted(by: { $0.tag > $1.tag }) {
            let (after, depth) = consumer.giveBack(element.back, tag: element.tag)
            arguments += [element.held, element.back, after, Array(String(depth).utf8)]
        }
        let keys = [consumer.keys.list, consumer.list]
        let command = script(Scripts.giveBackInOrder, keys: keys, arguments)
        write(Request([command], slot: consumer.keys.slot, returned(consumer.number, elements.count)))
    }

    /// Takes the room up again when the server has done it.
    func returned(_ number: Int, _ count: Int) -> Request.Completion {
        .handler { [weak self] result in
            self?.assumeIsolated { session in
                guard case .success = result, let returning = session.consumers[number]?.returning else { return }
                session.consumers[number]?.returning = max(0, returning - count)
                session.refill(number)
                session.forgetIfDone(number)
            }
        }
    }

    /// A message is never to be delivered again.
    private func bury(_ element: QueueElement, _ number: Int, _ reason: String) {
        guard let consumer = consumers[number] else { return }
        guard let suffix = options.deadLetterSuffix else {
            let command = [Command.lrem, consumer.list, Command.first, element.bytes]
            write(Request([command], slot: consumer.keys.slot, .handler { _ in }))
            return
        }
        consumers[number]?.returning += 1
        let letters = consumer.keys.deadLetters(suffix)
        let command = script(
            Scripts.bury,
            keys: [letters, consumer.list],
            [element.bytes, element.deadLetter(reason, consumer.keys.queue)]
        )
        write(Request([command], slot: consumer.keys.slot, returned(number, 1)))
    }

    // MARK: Signs of life

    /// Shows that each consumer is alive, and gives back what dead ones held.
    func renewConsumers() async throws {
        for number in consumers.keys.sorted() { try await renew(number) }
    }

    private func renew(_ number: Int) async throws {
        guard let consumer = consumers[number] else { return }
        let keys = consumer.keys
        let lease = Array(String(max(1, options.lease.wholeMilliseconds)).utf8)
        let command = script(
            Scripts.renew,
            keys: [keys.consumers, keys.leases],
            [Array(consumer.id.utf8), lease, consumer.isLeaving ? Command.zero : Command.first]
        )
        let reply = try await perform([command], slot: keys.slot)
        if let error = reply.error { throw error.asMessagingError("a consumer of \(keys.queue)") }
        for dead in reply.array ?? [] {
            guard let id = dead.string, !consumers.values.contains(where: { $0.id == id }) else { continue }
            try await endClient(called: id, slot: keys.slot)
            let count = try await giveBackAll(of: id, keys) { _ in true }
            if count > 0 {
                runtime.logger.notice("\(count) messages of \(keys.queue) came back from a consumer that is gone")
            }
        }
    }

    /// Ends the socket of a dead consumer, if the server has not noticed that it is: it would go on taking messages.
    private func endClient(called id: String, slot: Int) async throws {
        // A user may not be allowed to; then the server finds out in its own time.
        guard let clients = try await perform("CLIENT", "LIST", "TYPE", "normal", slot: slot).string,
            let client = ClientList.id(ofClientCalled: id, in: clients)
        else { return }
        _ = try await perform("CLIENT", "KILL", "ID", client, slot: slot)
    }

    /// Gives back everything that a consumer holds, and forgets its lease. Several may do so at once.
    ///
    /// - Parameter wasDelivered: whether an element has been seen by anyone, so that it says so from now on.
    @discardableResult
    func giveBackAll(
        of id: String,
        _ keys: QueueKeys,
        wasDelivered: ([UInt8]) -> Bool
    ) async throws -> Int {
        let list = keys.held(by: id)
        let collected = keys.returning(from: id)
        var count = 0
        // From the end, so that what waited longest comes to stand first. Should this end half-way, another goes on.
        let some = [Command.lrange, list, Array("-100".utf8), Command.last]
        while let elements = try await perform([some], slot: keys.slot).array, !elements.isEmpty {
            let pairs = elements.compactMap(\.bytes).map { bytes in
                (held: bytes, back: wasDelivered(bytes) ? QueueElement(bytes, runtime.wire).givenBack : bytes)
            }
            let reply = try await perform(
                [
                    script(Scripts.giveBack, keys: [collected, list], pairs.flatMap { [$0.held, $0.back] })
                ],
                slot: keys.slot
            )
            if let error = reply.error { throw error.asMessagingError("what came back to \(keys.queue)") }
            count &+= reply.integer ?? 0
        }
        let reply = try await perform(
            [
                script(Scripts.giveBackCollected, keys: [keys.list, collected, list, keys.leases], [Array(id.utf8)])
            ],
            slot: keys.slot
        )
        if let error = reply.error { throw error.asMessagingError("what came back to \(keys.queue)") }
        return count
    }
}
