import Martlet
import MartletTransport

/// How consumers leave their queues, and where that leaves what they held.
extension Consumers {
    /// Takes no more messages. What was told before goes back with the rest.
    func stop(_ number: Int, _ session: isolated RedisSession) {
        guard beginToLeave(number, session) else { return }
        settle(session)
        disconnect(number, session)
    }

    /// - Returns: whether it had not begun to leave before.
    func beginToLeave(_ number: Int, _ session: isolated RedisSession) -> Bool {
        guard let consumer = self[number], !consumer.isLeaving else { return false }
        consumer.isLeaving = true
        if session.isOpen { consumer.awaitsUnseen = true }
        return true
    }

    func disconnect(_ number: Int, _ session: isolated RedisSession) {
        guard let consumer = self[number] else { return }
        switch session.keeper.state {
        case .open, .draining: findUnseen(of: consumer, client: session.sockets.close(.consumer(number)), session)
        // It is given back when there is a link again.
        case .idle, .opening, .restoring: session.sockets.close(.consumer(number))
        // It is given back with what the others hold.
        case .closing, .closed: break
        }
    }

    /// Looks for what the server has moved for a consumer that has left, and that never came here.
    func findUnseen(of consumer: Consumer, client: RemoteClient?, _ session: isolated RedisSession) {
        consumer.awaitsUnseen = true
        if let client {
            // What the server is about to move there must be there before it is looked at.
            var kill = Request([client.kill], .handler { _, _ in })
            kill.role = client.role
            session.commands.write(kill, session)
        }
        let leave = [Command.zrem, consumer.keys.consumers, Array(consumer.id.utf8)]
        askForUnseen(of: consumer, after: [leave], known: [], unseen: [], session)
    }

    /// What was moved for a consumer that has left before it came here: the last that lies there, but for what is known.
    func askForUnseen(
        of consumer: Consumer,
        after commands: [[[UInt8]]] = [],
        known: [[UInt8]],
        unseen: [[UInt8]],
        _ session: isolated RedisSession
    ) {
        let (number, settler) = (consumer.number, consumer.settler)
        let last = lastElements(of: consumer.list, leavingOut: known.count + unseen.count, session)
        var request = Request(
            commands + [last],
            slot: consumer.keys.slot,
            .handler { session, result in
                guard let consumer = session.consumers[number], consumer.settler === settler else { return }
                // Its node is away.
                guard case .success(let reply) = result else { return session.consumers.beginLater(consumer, session) }
                let answer = commands.isEmpty ? reply : reply.array?.last ?? .null
                session.consumers.foundUnseen(answer, of: consumer, known: known, unseen: unseen, session)
            }
        )
        request.isOwn = true
        session.commands.write(request, session)
        session.commands.flush(session)
    }

    func foundUnseen(
        _ reply: RedisValue,
        of consumer: Consumer,
        known: [[UInt8]],
        unseen: [[UInt8]],
        _ session: isolated RedisSession
    ) {
        if let error = reply.firstError, error.outlook != .final {
            let (number, settler) = (consumer.number, consumer.settler)
            session.later(consumer.pace.next()) { session in
                guard let consumer = session.consumers[number], consumer.settler === settler else { return }
                session.consumers.askForUnseen(of: consumer, known: known, unseen: unseen, session)
            }
            return
        }
        let (found, count) = Self.elements(of: reply)
        var (known, unseen) = (known, unseen)
        var left: [[UInt8]: Int] = [:]
        for bytes in unfinished(of: consumer) { left[bytes, default: 0] += 1 }
        for bytes in known { left[bytes, default: 0] -= 1 }
        let total = left.values.reduce(known.count) { $0 + max(0, $1) }
        for bytes in found {
            if let number = left[bytes], number > 0 {
                left[bytes] = number - 1
                known.append(bytes)
            } else {
                unseen.append(bytes)
            }
        }
        // What is too large to be read stays, and is found when the lease is over.
        if !found.isEmpty, unseen.count < count - total {
            return askForUnseen(of: consumer, known: known, unseen: unseen, session)
        }
        consumer.awaitsUnseen = false
        // They come after all that has come here, and were found from the last one on.
        let elements = unseen.reversed().map { bytes in
            ReturningElement(tag: consumer.placeOfUnseen(bytes), held: bytes, back: bytes)
        }
        giveBackTogether(elements, of: consumer, session)
        giveBackIfComplete(consumer.number, session)
        session.commands.flush(session)
        forgetIfDone(consumer.number, session)
    }

    /// All that came here and was not done with, as it is in the list.
    func unfinished(of consumer: Consumer) -> [[UInt8]] {
        consumer.held.values.map(\.element) + consumer.deferred.map(\.held) + settling.elements(of: consumer.number)
    }

    /// Gives back what a consumer that leaves lets go when it holds nothing any more, or after the time of a lease: it lets
    /// go one after the other, not always in order, and others wait to take what comes first.
    func giveBackTogether(
        _ elements: [ReturningElement],
        of consumer: Consumer,
        _ session: isolated RedisSession
    ) {
        guard !elements.isEmpty else { return }
        let isFirst = consumer.deferred.isEmpty
        consumer.deferred += elements
        consumer.returning += elements.count
        guard isFirst else { return }
        let number = consumer.number
        session.later(session.options.lease) { $0.consumers.giveBackDeferred(number, $0) }
    }

    /// Gives back what was let go if nothing more can follow.
    func giveBackIfComplete(_ number: Int, _ session: isolated RedisSession) {
        guard let consumer = self[number], consumer.held.isEmpty, !consumer.awaitsUnseen else { return }
        giveBackDeferred(number, session)
    }

    func giveBackDeferred(_ number: Int, _ session: isolated RedisSession) {
        guard session.isOpen, let consumer = self[number], !consumer.deferred.isEmpty else { return }
        let elements = consumer.deferred
        consumer.deferred.removeAll()
        consumer.returning -= elements.count
        giveBack(elements, of: consumer, session)
        session.commands.flush(session)
    }

    /// A consumer that has left and holds nothing is forgotten.
    func forgetIfDone(_ number: Int, _ session: isolated RedisSession) {
        guard let consumer = self[number], consumer.isLeaving, !consumer.awaitsUnseen, consumer.held.isEmpty,
            consumer.returning == 0, consumer.untold == 0, session.sockets[.command] != nil
        else { return }
        forget(number)
        let keys = consumer.keys
        let id = Array(consumer.id.utf8)
        let command = session.script(Scripts.forget, keys: [keys.leases, consumer.list], [id])
        session.commands.insist([command], slot: keys.slot, session)
    }
}
