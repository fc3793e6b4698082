import Martlet
import MartletTransport

/// What the server moves to consumers, and what it refuses to move.
extension Consumers {
    func received(_ reply: RedisValue, _ number: Int, _ session: isolated RedisSession) {
        guard let consumer = self[number] else { return }
        guard consumer.awaitedPongs == 0 else {
            consumer.awaitedPongs -= 1
            if let error = reply.error, error.outlook == .elsewhere {
                session.leaveReplica(error, by: .consumer(number))
            }
            return
        }
        consumer.moves -= 1
        switch reply {
        case .bytes(let bytes):
            consumer.pace.reset()
            consumer.redirections = 0
            if bytes.count > largest(session) { putAside(consumer, session) } else { take(bytes, consumer, session) }
        case .error(let error):
            error.isUnread ? putAside(consumer, session) : wasRefused(error, consumer, session)
        case .null, .integer, .status, .array:
            break
        }
    }

    func wasRefused(_ error: RedisError, _ consumer: Consumer, _ session: isolated RedisSession) {
        switch error.outlook {
        case .elsewhere:
            session.leaveReplica(error, by: .consumer(consumer.number))
        case .passing:
            rest(consumer, error, session)
        case .moved:
            guard session.commands.learn(from: error, session) else { return rest(consumer, error, session) }
            session.sockets.close(.consumer(consumer.number))
            consumer.moves = 0
            consumer.redirections += 1
            if consumer.redirections <= Request.maximumRedirections {
                restart(consumer, session)
            } else {
                rest(consumer, error, session)
            }
        case .final:
            end(consumer, error, session)
        }
    }

    /// The server will never let it have messages: this one alone ends.
    func end(_ consumer: Consumer, _ error: RedisError, _ session: isolated RedisSession) {
        consumer.inbox.mailbox.finish(throwing: error.asMessagingError("consuming \(consumer.keys.queue)"))
        stop(consumer.number, session)
    }

    /// The server refuses for a reason that passes: it is asked again a while later.
    func rest(_ consumer: Consumer, _ error: RedisError, _ session: isolated RedisSession) {
        // All that was asked for ahead is refused, one after the other.
        guard !consumer.isResting else { return }
        consumer.isResting = true
        session.signs.wasRefused(error.asMessagingError("consuming \(consumer.keys.queue)"), session)
        askLater(consumer, isWithoutMemory: error.kind == "OOM", session)
    }

    func askLater(_ consumer: Consumer, isWithoutMemory: Bool, _ session: isolated RedisSession) {
        let (number, settler) = (consumer.number, consumer.settler)
        session.later(consumer.pace.next()) { session in
            let consumers = session.consumers
            // Another link has come since.
            guard let consumer = consumers[number], consumer.settler === settler, consumer.isResting else { return }
            if isWithoutMemory { return consumers.moveWithoutMemory(consumer, session) }
            consumer.isResting = false
            consumers.restart(consumer, session)
        }
    }

    /// Goes on taking messages, from the node that keeps the queue.
    func restart(_ consumer: Consumer, _ session: isolated RedisSession) {
        guard !consumer.isLeaving, session.isOpen else { return }
        let role = RedisSession.Role.consumer(consumer.number)
        guard !session.commands.isAway(consumer.keys.slot) else { return beginLater(consumer, session) }
        let node = session.commands.node(of: consumer.keys.slot)
        do {
            if session.sockets[role] == nil { try session.sockets.open(role, to: node, session) }
            refill(consumer.number, session)
        } catch {
            if let node { session.lose(node, error) } else { session.linkFailed(error) }
        }
    }

    /// The server has no memory left. What is taken frees some: so it is taken in another way, until this one works.
    func moveWithoutMemory(_ consumer: Consumer, _ session: isolated RedisSession) {
        guard !consumer.isLeaving, session.isOpen else { return }
        let room = consumer.roomWhileResting
        guard room > 0 else {
            consumer.isResting = false
            return refill(consumer.number, session)
        }
        let numbers = [room, portion(session), largest(session)]
        let command = session.script(
            Scripts.move,
            keys: [consumer.keys.list, consumer.list],
            numbers.map { Array(String($0).utf8) }
        )
        let (number, settler) = (consumer.number, consumer.settler)
        var request = Request(
            [command],
            slot: consumer.keys.slot,
            .handler { session, result in
                // By another link they would have gone back.
                guard let consumer = session.consumers[number], consumer.settler === settler,
                    case .success(let reply) = result
                else { return }
                session.consumers.moved(reply, consumer, session)
            }
        )
        request.isOwn = true
        session.commands.write(request, session)
        session.commands.flush(session)
    }

    func moved(_ reply: RedisValue, _ consumer: Consumer, _ session: isolated RedisSession) {
        guard let elements = reply.array else { return askLater(consumer, isWithoutMemory: true, session) }
        for element in elements {
            if case .bytes(let bytes) = element { take(bytes, consumer, session) } else { putAside(consumer, session) }
        }
        if !elements.isEmpty { consumer.pace.reset() }
        consumer.isResting = false
        refill(consumer.number, session)
    }

    /// An element has been moved to a consumer.
    func take(_ bytes: [UInt8], _ consumer: Consumer, _ session: isolated RedisSession) {
        let (runtime, queue) = (session.runtime, consumer.keys.queue)
        let element = QueueElement(bytes, runtime.wire)
        let tag = consumer.hold(bytes, bytes: element.message.weight)
        if consumer.isFull { session.sockets[.consumer(consumer.number)]?.isPaused = true }
        if element.isFiller {
            return settle([SettledDelivery(consumer: consumer.number, tag: tag, disposition: .ack)], session)
        }
        guard element.isReadable else {
            runtime.count(\.undecodable, "a message of \(queue) could not be read")
            _ = consumer.release(tag)
            return bury(element, consumer, "rejected", session)
        }
        if let expires = element.expires, session.clock.isOver(expires) {
            runtime.count(\.expired, "a message of \(queue) had expired")
            _ = consumer.release(tag)
            return bury(element, consumer, "expired", session)
        }
        let delivery = Delivery(
            topic: nil,
            message: element.message,
            redeliveries: element.redeliveries,
            settlement: Settlement(tag, by: consumer.settler)
        )
        consumer.inbox.deliver(delivery)
    }

    // MARK: What is too large

    /// How many bytes of elements are asked for together.
    func portion(_ session: isolated RedisSession) -> Int {
        min(Self.portion, session.options.maximumReplyBytes / 2)
    }

    /// How many bytes an element may have. In a reply it may have others, and numbers, beside it.
    func largest(_ session: isolated RedisSession) -> Int { session.options.maximumReplyBytes - 256 }

    /// An element has been moved to a consumer that was too large to be taken in.
    func putAside(_ consumer: Consumer, _ session: isolated RedisSession) {
        let keys = consumer.keys
        var place = keys.oversized
        if let suffix = session.options.deadLetterSuffix, isTogether(keys.deadLetters(suffix), keys, session) {
            place = keys.deadLetters(suffix)
        }
        session.runtime.count(
            \.oversized,
            "a message of \(keys.queue) has more than \(largest(session)) bytes and was not read:"
                + " it is put into the list \(String(decoding: place, as: UTF8.self))"
        )
        let command = session.script(
            Scripts.putAside,
            keys: [consumer.list, place],
            [Array(String(largest(session)).utf8)]
        )
        settling.tell([SettlingStep(command: command, slot: keys.slot, elements: [], room: 1)], of: consumer, session)
        session.commands.flush(session)
    }

    /// Whether a script may touch a key together with the queue's.
    func isTogether(_ key: [UInt8], _ keys: QueueKeys, _ session: isolated RedisSession) -> Bool {
        session.sockets.server.isCluster != true || ClusterSlot.slot(of: key) == keys.slot
    }
}
