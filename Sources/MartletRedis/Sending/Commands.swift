import DequeModule
import Martlet
import MartletTransport

/// Commands on their way out, and the replies to them. On the session's loop.
final class Commands {
    /// How many bytes may wait for the socket before the outbox is left alone: then it fills, and its producers wait.
    private static let maximumWaiting = 512 << 10
    /// How many commands may be under way unanswered.
    private static let maximumPending = 16_384
    /// How many nodes of a cluster there may be.
    private static let maximumNodes = 1_024

    let searches = ConsumerSearches()
    /// What was sent by each socket for commands, in the order in which it is answered.
    private var pending: [RedisSession.Role: PendingCommands] = [:]
    /// Answers that have come, until all replies that were read have been looked at: they end together.
    private var answered: [(promise: PublishAnswer, result: Result<Void, any Error>)] = []
    /// Where a cluster keeps which keys, as far as it has told.
    private var nodes = SlotTable()
    /// The nodes that can't be asked at present.
    let away = AwayNodes()
    /// What waits until earlier requests have come back from where they went in vain.
    private var crossings = Crossings()
    /// What was under way when the link was lost, and is sent again first.
    private var unconfirmed: Deque<Request> = []
    /// What had not been sent when the link was let go of, and has no guarantee.
    private var unsent = UnansweredCommands()
    /// Whether all has been open on the present link, so that its loss leaves a gap.
    private(set) var wasOpen = false

    // MARK: The link

    /// A socket was opened, by which commands go.
    func opened(_ role: RedisSession.Role, _ commands: PendingCommands) { pending[role] = commands }

    func linkIsOpen() { wasOpen = true }

    /// Lets go of the link: takes out of the outbox what has no guarantee.
    func release(_ outbox: CommandOutbox) { unsent.append(outbox.disconnected()) }

    /// The link is gone: what had not been sent and has no guarantee goes with it.
    ///
    /// - Returns: whether all had been open.
    func linkIsLost(_ session: isolated RedisSession) -> Bool {
        guard wasOpen else { return false }
        wasOpen = false
        let error = MessagingError(
            .notConnected,
            "the link was lost before the command was sent: it has not been done; the link comes back by itself"
        )
        endUnsent(error, session)
        return true
    }

    private func endUnsent(_ error: any Error, _ session: isolated RedisSession) {
        let commands = unsent
        unsent = UnansweredCommands()
        end(commands, error, session)
    }

    /// What was sent and not answered fails, or is kept to be sent again.
    func failPending(_ error: any Error, _ session: isolated RedisSession) {
        var kept: Deque<Request> = []
        let first = pending.removeValue(forKey: .command)
        var unanswered = UnansweredCommands()
        for pending in [first].compactMap({ $0 }) + pending.values { unanswered.append(pending.removeAll()) }
        pending.removeAll()
        if keepsRequests(session) {
            unanswered.commands.removeAll { command in
                guard case .request(var request) = command.kind, request.isGuaranteed else { return false }
                // By the next link it looks for no node.
                request.scoutOf = nil
                kept.append(request)
                return true
            }
        }
        for request in away.removeAll() {
            if keepsRequests(session) { kept.append(request) } else { request.end(.failure(error), session) }
        }
        for var request in crossings.removeAll() {
            if request.isGuaranteed, keepsRequests(session) {
                request.scoutOf = nil
                kept.append(request)
            } else {
                unsent.commands.append(CommandEntry(.request(request)))
            }
        }
        end(unanswered, error, session)
        // They have gone different ways.
        kept.sort { $0.number < $1.number }
        unconfirmed.insert(contentsOf: kept, at: 0)
    }

    private func keepsRequests(_ session: isolated RedisSession) -> Bool {
        switch session.keeper.state {
        case .idle, .opening, .restoring, .open: true
        case .draining, .closing, .closed: false
        }
    }

    /// Ends everything, for good.
    func end(_ error: MessagingError, _ session: isolated RedisSession) {
        for request in unconfirmed + away.removeAll() + crossings.removeAll() {
            request.end(.failure(error), session)
        }
        unconfirmed.removeAll()
        while let request = session.intake.offline.takeFirst() { request.end(.failure(error), session) }
        unsent.append(session.outbox.close(error))
        endUnsent(error, session)
        searches.end()
    }

    /// Commands have not been sent, or their answers will not come.
    private func end(_ unanswered: UnansweredCommands, _ error: any Error, _ session: isolated RedisSession) {
        for command in unanswered.commands {
            switch command.kind {
            case .publishes(let topic): session.runtime.lost(command.count, topic)
            case .awaited: break
            case .request(let request): fail(request, error, session)
            }
        }
        for answer in unanswered.answers { answer.end(.failure(error)) }
    }

    private func fail(_ request: Request, _ error: any Error, _ session: isolated RedisSession) {
        if let node = request.scoutOf { away.lostScout(of: node, session) }
        request.end(.failure(error), session)
    }

    // MARK: Sending

    /// Gives the socket what it can take.
    func send(_ session: isolated RedisSession) {
        guard session.isOpen, let link = session.sockets[.command], link.isReady else { return }
        let (outbox, offline) = (session.outbox, session.intake.offline)
        link.collectWritten()
        writeFree(session)
        while hasRoom(link), let request = unconfirmed.popFirst() ?? (offline.keeps ? offline.takeFirst() : nil) {
            if request.isAbandoned { continue }
            if let deadline = request.deadline, deadline <= session.runtime.timers.now {
                request.end(.failure(MessagingError(.timeout, "it expired while there was no link")), session)
            } else {
                writeInOrder(request, session)
            }
        }
        let now = ContinuousClock.now
        while hasRoom(link), let command = outbox.takeFirst({ link.write($0) }, expect: { link.pending.expect($0) }) {
            if case .request(let request) = command.kind {
                writeInOrder(request, session)
            } else {
                link.pending.append(command, sent: now)
            }
        }
        flush(session)
        // A cluster's commands go different ways, and nobody is to get ahead of what waits here.
        if nodes.isEmpty, crossings.isEmpty, !away.hasWaiting, hasRoom(link) {
            link.lend(to: outbox)
        } else {
            link.reclaim()
        }
    }

    private func hasRoom(_ link: RedisLink) -> Bool {
        link.waiting + crossings.bytes < Self.maximumWaiting
            && link.pending.count + pendingElsewhere + crossings.count < Self.maximumPending
    }

    /// How many commands are under way to other nodes of a cluster.
    private var pendingElsewhere: Int {
        guard pending.count > 1 else { return 0 }
        return pending.reduce(0) { $0 + ($1.key == .command ? 0 : $1.value.count) }
    }

    func hasUnwritten(_ session: isolated RedisSession) -> Bool {
        pending.keys.contains { session.sockets[$0]?.waiting ?? 0 > 0 } || session.outbox.count > 0
            || !unconfirmed.isEmpty || away.hasWaiting || crossings.count > 0 || !session.intake.offline.isEmpty
    }

    /// Writes a request that a producer has given, unless an earlier one for its keys waits or is still on another way: then it
    /// waits behind that one.
    private func writeInOrder(_ request: Request, _ session: isolated RedisSession) {
        // At the end nothing new comes any more, and nothing is waited for.
        guard session.isOpen, request.number < .max, let slot = request.slot else { return write(request, session) }
        if request.isGuaranteed, request.scoutOf == nil, let node = away.node(waitedForBy: slot) {
            away.postpone(request, node, keeps: keepsRequests(session), session)
        } else if !crossings.hold(request) {
            write(request, session)
        }
    }

    /// Writes what need not wait any more for requests that went another way.
    private func writeFree(_ session: isolated RedisSession) {
        guard !crossings.isEmpty else { return }
        for request in crossings.takeFree() {
            // One that has gone ahead of others is waited for by them.
            if !request.isAbandoned || request.scoutOf != nil { writeInOrder(request, session) }
        }
    }

    /// Writes a request, to the node that keeps its keys.
    func write(_ request: Request, _ session: isolated RedisSession) {
        let role = request.role ?? role(of: request.slot)
        if case .node(let node) = role, session.sockets[role] == nil, !away.contains(node),
            pending.count <= Self.maximumNodes
        {
            do {
                try session.sockets.open(role, to: node, session)
            } catch {
                session.lose(node, error)
            }
        }
        if case .node(let node) = role, away.contains(node) {
            return away.postpone(request, node, keeps: keepsRequests(session), session)
        }
        guard let link = session.sockets[role] else { return fail(request, MessagingError.offline, session) }
        link.write(request.bytes)
        // Behind what others have written to the socket, which this takes over.
        link.pending.append(CommandEntry(.request(request)), sent: .now)
    }

    /// Gives the sockets what was written.
    func flush(_ session: isolated RedisSession) {
        session.sockets[.command]?.flush()
        for role in pending.keys where role != .command { session.sockets[role]?.flush() }
    }

    /// Has commands run for the session itself, ahead of what waits.
    ///
    /// - Returns: the reply, or an array of those of several commands.
    func perform(
        _ commands: [[[UInt8]]],
        slot: Int? = nil,
        to role: RedisSession.Role? = nil,
        _ session: isolated RedisSession
    ) async throws -> RedisValue {
        let answer = Answer()
        var request = Request(commands, slot: slot, .answer(answer))
        request.role = role
        request.isOwn = true
        try perform(request, session)
        return try await answer.value()
    }

    /// Has a command of text run for the session itself.
    func perform(
        words: String...,
        to role: RedisSession.Role? = nil,
        by session: isolated RedisSession
    ) async throws -> RedisValue {
        try await perform([words.map { Array($0.utf8) }], to: role, session)
    }

    func perform(_ request: Request, _ session: isolated RedisSession) throws {
        guard let link = session.sockets[.command], !link.isEnded else { throw MessagingError.offline }
        write(request, session)
        flush(session)
    }

    /// Has commands run that nobody waits for and that are to be done: again while the server refuses them for a reason that
    /// passes, and on the next link. Twice does no harm.
    func insist(_ commands: [[[UInt8]]], slot: Int, pace: Pace = Pace(), _ session: isolated RedisSession) {
        var request = Request(
            commands,
            slot: slot,
            isGuaranteed: true,
            .handler { session, result in
                guard case .success(let reply) = result, let error = reply.firstError, error.outlook != .final else {
                    return
                }
                var pace = pace
                session.later(pace.next()) { [pace] session in
                    session.commands.insist(commands, slot: slot, pace: pace, session)
                }
            }
        )
        request.isOwn = true
        if session.isOpen || session.keeper.state == .closing {
            write(request, session)
            flush(session)
        } else if keepsRequests(session) {
            unconfirmed.append(request)
        }
    }

    // MARK: Replies

    func received(_ reply: RedisValue, to pending: PendingCommands, _ session: isolated RedisSession) {
        switch pending.received(reply) {
        case .nothing:
            break
        case .refused(let topic, let error):
            session.runtime.refused(topic, error)
        case .answer(let answer):
            answered.append((answer, reply.error.map { .failure($0) } ?? .success(())))
        case .request(let request, let whole):
            received(whole, to: request, session)
        case .unasked:
            session.linkFailed(
                MessagingError(.connectionLost, "the server answered something that was not asked")
            )
        }
    }

    private func received(_ reply: RedisValue, to request: Request, _ session: isolated RedisSession) {
        if let redirection = request.redirection(in: reply), learn(from: redirection, session) {
            var request = request
            request.redirections += 1
            writeInOrder(request, session)
            return flush(session)
        }
        if let node = request.scoutOf {
            // What it kept is to be had, so that the others follow.
            for waiting in away.foundElsewhere(node, session) { writeInOrder(waiting, session) }
            flush(session)
        }
        guard let error = reply.firstError, error.outlook == .elsewhere else {
            if request.redirections == Request.maximumRedirections {
                session.runtime.tell(of: "redirections", "the nodes of the cluster do not agree where a key is")
            }
            return request.end(.success(reply), session)
        }
        if request.isOwn {
            leaveReplica(error, reply, to: request, session)
        } else {
            check(error, reply, to: request, session)
        }
    }

    /// The server is the wrong one. What is to arrive has not run: the next server gets it before all that was given later.
    private func leaveReplica(
        _ error: RedisError,
        _ reply: RedisValue,
        to request: Request,
        _ session: isolated RedisSession
    ) {
        session.leaveReplica(error, by: request.role ?? role(of: request.slot))
        if request.isGuaranteed, keepsRequests(session) {
            unconfirmed.insert(request, at: 0)
            // Of a node of a cluster: the link is there.
            if session.keeper.isUp { send(session) }
        } else {
            request.end(.success(reply), session)
        }
    }

    /// A program's own command may have been meant for a replica, and may itself have made up the error. So the server is
    /// asked what it is, and left if it has become a replica.
    private func check(
        _ error: RedisError,
        _ reply: RedisValue,
        to request: Request,
        _ session: isolated RedisSession
    ) {
        guard session.isOpen, !session.sockets.server.isReplica else { return request.end(.success(reply), session) }
        let question = Request(
            [[Array("HELLO".utf8)]],
            slot: request.slot,
            .handler { session, result in
                switch result {
                case .success(let hello) where !Greeting.Server(hello: hello).isReplica:
                    request.end(.success(reply), session)
                // The node is lost, and the link is there.
                case .failure where session.keeper.isUp && request.isGuaranteed:
                    session.commands.writeInOrder(request, session)
                    session.commands.flush(session)
                case .failure where session.keeper.isUp:
                    request.end(.success(reply), session)
                case .success, .failure:
                    session.commands.leaveReplica(error, reply, to: request, session)
                }
            }
        )
        write(question, session)
        flush(session)
    }

    /// Ends the answers that have come.
    func endAnswered() {
        guard !answered.isEmpty else { return }
        PublishAnswer.end(answered)
        answered.removeAll(keepingCapacity: true)
    }

    // MARK: A cluster

    /// Where a cluster keeps a slot; `nil`: where the link began, as far as is known.
    func node(of slot: Int?) -> Destination? { nodes[slot] }

    /// By what commands go to the node that keeps a slot, as far as is known.
    func role(of slot: Int?) -> RedisSession.Role { nodes[slot].map { .node($0) } ?? .command }

    /// Whether nothing can be asked of the node that keeps a slot.
    func isAway(_ slot: Int?) -> Bool { nodes[slot].map(away.contains) ?? false }

    func forgetNodes() { nodes = SlotTable() }

    /// A node may not keep any more what it kept.
    func forget(_ node: Destination) { nodes.forget(node) }

    /// By what a sign of life goes to the node that keeps a slot while what goes before it is on its way: a large value on a slow
    /// link may take longer than a lease.
    ///
    /// - Returns: `nil`: by the usual socket, where nothing is in its way.
    func roleBeside(_ slot: Int?, _ session: isolated RedisSession) throws -> RedisSession.Role? {
        guard session.sockets[role(of: slot)]?.isDelivering ?? false else { return nil }
        let role = RedisSession.Role.signs(nodes[slot])
        if session.sockets[role] == nil { try session.sockets.open(role, to: nodes[slot], session) }
        return role
    }

    /// A socket is lost, and no other: what was sent by it fails.
    func lose(_ role: RedisSession.Role, _ error: any Error, _ session: isolated RedisSession) {
        end(pending.removeValue(forKey: role)?.removeAll() ?? UnansweredCommands(), error, session)
    }

    /// A node is lost, or could not be reached: what was sent to it fails, or waits until it is there.
    ///
    /// - Returns: whether it was taken for reachable.
    func lose(_ node: Destination, _ reason: MessagingError, _ session: isolated RedisSession) -> Bool {
        let isNew = away.lost(node, reason, session)
        var unanswered = pending.removeValue(forKey: .node(node))?.removeAll() ?? UnansweredCommands()
        nodes.forget(node)
        unanswered.commands.removeAll { command in
            guard case .request(let request) = command.kind, request.isGuaranteed, keepsRequests(session) else {
                return false
            }
            away.postpone(request, node, keeps: true, session)
            return true
        }
        defer {
            writeFree(session)
            flush(session)
        }
        let error = away.error(of: node)
        let doubtful = MessagingError(
            .connectionLost,
            "\(error.message); the command may or may not have been done",
            cause: error.cause,
            isRetriable: true
        )
        end(unanswered, doubtful, session)
        lose(.signs(node), doubtful, session)
        return isNew
    }

    /// A node can be asked.
    ///
    /// - Returns: whether it was away.
    func isBack(_ node: Destination, _ session: isolated RedisSession) -> Bool {
        guard let waiting = away.isBack(node) else { return false }
        for request in waiting {
            // It says so itself if it does not keep that any more.
            move(request.slot, session) { $0.set(request.slot, to: node) }
            writeInOrder(request, session)
        }
        flush(session)
        return true
    }

    /// A cluster has said where a key is.
    func learn(from error: RedisError, _ session: isolated RedisSession) -> Bool {
        // Of a server that is none such words are a script's.
        guard session.sockets.server.isCluster ?? true, let first = session.sockets.first else { return false }
        let isLearned = move(SlotTable.slot(in: error), session) { $0.learn(from: error, first: first) }
        if isLearned { session.runtime.count(\.redirections) }
        return isLearned
    }

    /// Changes where a slot is sought. What is under way to where it was sought so far comes first.
    @discardableResult
    private func move<Result>(
        _ slot: Int?,
        _ session: isolated RedisSession,
        _ change: (inout SlotTable) -> Result
    ) -> Result {
        let former = role(of: slot)
        let result = change(&nodes)
        if let slot, role(of: slot) != former {
            // What producers have written is under way as well.
            session.sockets[former]?.reclaim()
            if let pending = pending[former] { crossings.begin(slot, from: pending) }
        }
        return result
    }

    // MARK: Signs of life

    /// Finds out that the server does not answer, and asks where nothing has been heard for a while.
    ///
    /// - Parameters:
    ///   - silence: after how long; `nil`: never.
    ///   - limit: how long an answer may take.
    func checkSilence(
        _ silence: Duration?,
        limit: Duration,
        now: ContinuousClock.Instant,
        _ session: isolated RedisSession
    ) {
        for (role, commands) in pending {
            session.sockets[role]?.collectWritten()
            guard let link = session.sockets[role] else { continue }
            if let oldest = commands.oldest {
                if link.isSlow() { link.excuse() }
                let waited = now - max(oldest, link.lastHeard)
                guard waited > limit else { continue }
                session.ended(role, MessagingError(.connectionLost, "the server has not answered for \(waited)"))
            } else if let silence, link.isReady, now - link.lastHeard > silence {
                let ping = Request(CommandFormat.bytes(of: "PING"), .handler { _, _ in })
                link.write(ping.bytes)
                link.pending.append(CommandEntry(.request(ping)), sent: now)
                link.flush()
            }
        }
    }
}

extension ConnectionRuntime {
    /// The server refuses a publish whose answer nobody waits for.
    func refused(_ topic: TopicName, _ error: RedisError) {
        countRefusal("the server refused a message to \(topic): \(error)")
    }

    /// Publishes whose answers nobody waits for went with the link.
    func lost(_ number: Int, _ topic: TopicName) {
        count(\.droppedOffline, by: number, "a message to \(topic) went with the link")
    }
}
