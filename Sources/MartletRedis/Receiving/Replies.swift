import DequeModule
import Logging
import Martlet
import MartletTransport

/// Replies to the calls of this connection, by the channel and by the lists. On the session's loop.
final class Replies {
    /// How long one blocking read of reply lists lasts. Only to ask anew: nothing is missed between two.
    private static let patience: Duration = .seconds(20)

    let owners = Owners()
    /// Told of each reply, once an address was opened.
    private var receive: (@Sendable (Message, String) -> Void)?
    /// Who waits for the reply channel.
    private var confirmations: Deque<Promise<Void>> = []
    /// For each set of lists that the server refuses to wait for at present.
    private var paces: [Int: Pace] = [:]
    /// The sets that are waited for later, each by the number of the latest time that it was put off: earlier ones are void.
    private var delays: [Int: Int] = [:]
    private var lastDelay = 0
    private var redirections = 0

    /// Whether an address was opened.
    var isOpen: Bool { receive != nil }

    /// Opens the reply address.
    func open(
        _ receive: @escaping @Sendable (Message, String) -> Void,
        _ session: isolated RedisSession
    ) async throws -> ReplyAddress {
        try session.checkOpen()
        let (calls, bell) = (session.calls, session.bell)
        calls.open(ReplyNames.makeBase())
        self.receive = receive
        try await session.patiently {
            try session.checkOpen()
            try await self.restore(session)
        }
        return ReplyAddress { id, queue in
            let (address, isNew) = calls.lease(id, queue)
            if isNew { bell.ring() }
            return address
        } giveBack: { id in
            if calls.ended(id) { bell.ring() }
        }
    }

    /// Listens to the channel for replies, and to the lists.
    func restore(_ session: isolated RedisSession) async throws {
        guard receive != nil, let base = session.calls.base else { return }
        if session.sockets[.replies] == nil {
            let link = try session.sockets.open(.replies, session)
            let promise = Promise<Void>()
            confirmations.append(promise)
            link.write(CommandFormat.bytes(of: "SUBSCRIBE", base))
            link.flush()
            do {
                try await session.answer(promise, "the subscription to the channel for replies")
            } catch {
                if session.sockets[.replies] === link { session.sockets.close(.replies) }
                throw error
            }
            try owners.renew(hasLists: true, session)
        }
        tend(session)
    }

    /// The link is lost, and the server may not know: a read that nobody listens to any more would be given what comes next.
    /// So what comes goes to lists of other names.
    func linkLost(_ session: isolated RedisSession) { session.calls.linkLost() }

    /// A node of a cluster is lost. If the lists are there, they are waited for when it is back, or another one has them.
    ///
    /// - Parameter roles: what the sockets were for that are lost with it.
    func lose(_ roles: [RedisSession.Role], _ session: isolated RedisSession) {
        for case .replyLists(let set) in roles {
            session.calls.linkLost()
            armLater(set, session)
        }
    }

    /// The link is gone.
    func failPending(_ error: any Error) {
        for promise in confirmations { promise.end(.failure(error)) }
        confirmations.removeAll()
        paces.removeAll()
        delays.removeAll()
        redirections = 0
    }

    /// A node can be asked again: what was put off because of it is done now.
    func resume(_ session: isolated RedisSession) {
        delays = delays.filter { set, _ in session.sockets[.replyLists(set)] != nil }
        tend(session)
    }

    /// Waits for lists that are new, and takes back what nobody waits for.
    func tend(_ session: isolated RedisSession) {
        guard canTend(session) else { return }
        let calls = session.calls
        do {
            for set in 0..<calls.sets where session.sockets[.replyLists(set)] == nil && delays[set] == nil {
                try arm(set, session)
            }
            for set in calls.takeStale() { disturb(set, session) }
            for request in calls.takeAbandoned() {
                // The latest is at the end of the list.
                let command = [Command.lrem, request.keys.list, Command.last, request.element]
                session.commands.insist([command], slot: request.keys.slot, session)
            }
        } catch {
            session.runtime.logger.debug("reply lists could not be tended: \(error)")
        }
    }

    private func canTend(_ session: isolated RedisSession) -> Bool {
        switch session.keeper.state {
        case .open, .draining: session.sockets[.command]?.isReady == true && !session.commands.isAway(slot(session))
        // Should such a link be lost, calls that wait for the next one would have told names that are waited for already.
        case .idle, .opening, .restoring, .closing, .closed: false
        }
    }

    /// Where a cluster keeps the reply lists.
    private func slot(_ session: isolated RedisSession) -> Int? {
        session.calls.base.map { ClusterSlot.slot(of: Array("{\($0)}".utf8)) }
    }

    private func arm(_ set: Int, _ session: isolated RedisSession) throws {
        delays[set] = nil
        let node = session.commands.node(of: slot(session))
        let link =
            try session.sockets[.replyLists(set)] ?? session.sockets.open(.replyLists(set), to: node, session)
        let names = session.calls.arm(set)
        link.write(CommandFormat.bytes(of: ["BLPOP"] + names + ["\(Self.patience.components.seconds)"]))
        link.flush()
    }

    /// Finds out whether the node of a cluster that keeps the lists is there. On the sockets that wait for them nothing is asked,
    /// and one that hangs ends none of them. Nobody waits for the answer.
    func askNode(_ session: isolated RedisSession) {
        guard session.calls.sets > 0, let slot = slot(session), session.commands.node(of: slot) != nil,
            let base = session.calls.base
        else { return }
        let question = Request([[Command.exists, Array("{\(base)}".utf8)]], slot: slot, .handler { _, _ in })
        try? session.commands.perform(question, session)
    }

    /// Has a blocking read return now, so that the next one waits for the present names.
    private func disturb(_ set: Int, _ session: isolated RedisSession) {
        // Where the server does not tell, or allow, it returns by itself after its time.
        guard let client = session.sockets.client(of: .replyLists(set)) else { return }
        var request = Request(
            [client.unblock],
            .handler { session, result in
                // It may not have begun to wait: the read comes to the server by another socket.
                guard case .success(.integer(0)) = result else { return }
                session.later(.milliseconds(5)) { $0.replies.disturbIfStale(set, $0) }
            }
        )
        request.role = client.role
        try? session.commands.perform(request, session)
    }

    private func disturbIfStale(_ set: Int, _ session: isolated RedisSession) {
        guard canTend(session), session.calls.isStale(set) else { return }
        disturb(set, session)
    }

    /// Deletes what only this connection hears: it is being closed.
    func cease(_ session: isolated RedisSession) async throws {
        tend(session)
        let lists = session.calls.unclean
        if !lists.isEmpty {
            let command = (["UNLINK"] + lists).map { Array($0.utf8) }
            _ = try await session.commands.perform([command], slot: slot(session), session)
        }
        try await owners.cease(hasUnanswered: !lists.isEmpty, session)
    }

    // MARK: What comes

    /// By the channel, as it lies in the buffer.
    func received(_ push: PushedMessage, _ session: isolated RedisSession) {
        take([UInt8](push.body), session)
    }

    private func take(_ body: [UInt8], _ session: isolated RedisSession) {
        var body = body
        guard var message = try? session.runtime.wire.unwrap(&body, from: .call),
            let address = message.headers[ReplyNames.addressHeader]?.string
        else { return countUnreadable(session) }
        message.headers[ReplyNames.addressHeader] = nil
        session.calls.answered(address)
        receive?(message, address)
    }

    private func countUnreadable(_ session: isolated RedisSession) {
        session.runtime.count(\.undecodable, "a reply could not be read")
    }

    /// By the channel: of a peer that says what it answers.
    func received(_ reply: RedisValue, _ session: isolated RedisSession) {
        guard let parts = reply.array, let kind = parts.first?.string else {
            guard let error = reply.error else { return }
            guard !error.isUnread else { return countOversized(error, session) }
            confirmations.popFirst()?.end(.failure(error.asMessagingError("the reply channel")))
            if error.outlook == .elsewhere { session.leaveReplica(error, by: .replies) }
            return
        }
        switch kind {
        case "subscribe":
            confirmations.popFirst()?.end(.success(()))
        case "message":
            guard parts.count == 3, case .bytes(let body) = parts[2] else { return countUnreadable(session) }
            take(body, session)
        default:
            break
        }
    }

    private func countOversized(_ error: RedisError, _ session: isolated RedisSession) {
        session.runtime.count(\.oversized, "a reply to a call was not read: \(error)")
    }

    /// From a list: of a peer that may say nothing about what it answers.
    func receivedFromList(_ reply: RedisValue, set: Int, _ session: isolated RedisSession) {
        if let error = reply.error {
            if error.isUnread {
                countOversized(error, session)
            } else {
                return wasRefused(error, set: set, session)
            }
        }
        (paces[set], redirections) = (nil, 0)
        if let parts = reply.array, parts.count == 2, let address = parts[0].string, case .bytes(var body) = parts[1] {
            session.calls.answered(address)
            if let message = try? session.runtime.wire.unwrap(&body, from: .call) {
                receive?(message, address)
            } else {
                countUnreadable(session)
            }
        }
        try? arm(set, session)
    }

    /// The server does not wait for replies now. It is asked again, unless it will never.
    private func wasRefused(_ error: RedisError, set: Int, _ session: isolated RedisSession) {
        switch error.outlook {
        case .elsewhere:
            return session.leaveReplica(error, by: .replyLists(set))
        case .final:
            return session.runtime.logger.warning("the server refused to wait for replies: \(error)")
        case .moved where session.commands.learn(from: error, session):
            session.sockets.close(.replyLists(set))
            redirections += 1
            if redirections <= Request.maximumRedirections { return restart(set, session) }
        case .moved, .passing:
            break
        }
        session.signs.wasRefused(error.asMessagingError("to wait for replies"), session)
        armLater(set, session)
    }

    private func armLater(_ set: Int, _ session: isolated RedisSession) {
        let delay = paces[set, default: Pace()].next()
        let generation = session.sockets.generation
        lastDelay += 1
        let number = lastDelay
        delays[set] = number
        session.later(delay) { session in
            // A link that has come since has its own.
            guard session.sockets.generation == generation, session.replies.delays[set] == number else { return }
            session.replies.restart(set, session)
        }
    }

    private func restart(_ set: Int, _ session: isolated RedisSession) {
        guard !session.commands.isAway(slot(session)) else { return armLater(set, session) }
        guard canTend(session) else { return }
        do {
            try arm(set, session)
        } catch {
            if let node = session.commands.node(of: slot(session)) {
                session.lose(node, error)
                armLater(set, session)
            } else {
                session.linkFailed(error)
            }
        }
    }
}

extension CommandFormat {
    /// A command of text.
    static func bytes(of words: [String]) -> [UInt8] {
        bytes(of: words.map { Array($0.utf8) })
    }
}
