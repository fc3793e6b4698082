import DequeModule
import Martlet
import MartletTransport

/// Commands on their way out, and the replies to them.
extension RedisSession {
    /// How many bytes may wait for the socket before the outbox is left alone: then it fills, and its producers wait.
    private static var maximumWaiting: Int { 512 << 10 }
    /// How many commands may be under way unanswered.
    private static var maximumPending: Int { 16_384 }

    // MARK: From any thread

    /// Has commands run, once; without a link it fails.
    ///
    /// - Returns: the reply, or an array of those of several commands.
    nonisolated func submit(
        _ commands: [[[UInt8]]],
        slot: Int? = nil,
        within limit: Duration? = nil
    ) async throws -> RedisValue {
        try checkConnected()
        return try await submit(commands, slot: slot, isGuaranteed: false, within: limit)
    }

    /// Throws unless there is a link.
    nonisolated func checkConnected() throws {
        switch runtime.states.state {
        case .connected: break
        case .closed: throw MessagingError.closed
        case .connecting, .disconnected: throw MessagingError.offline
        }
    }

    /// Has commands run at least once, as soon as there is a link.
    nonisolated func submitGuaranteed(
        _ commands: [[[UInt8]]],
        slot: Int? = nil,
        within limit: Duration?
    ) async throws -> RedisValue {
        try await submit(commands, slot: slot, isGuaranteed: true, within: limit)
    }

    private nonisolated func submit(
        _ commands: [[[UInt8]]],
        slot: Int?,
        isGuaranteed: Bool,
        within limit: Duration?
    ) async throws -> RedisValue {
        let answer = Answer()
        let timer = end(answer, after: limit)
        defer { if let timer { runtime.timers.cancel(timer) } }
        try await begin(
            Request(commands, slot: slot, isGuaranteed: isGuaranteed, .answer(answer)),
            timer,
            within: limit
        )
        return try await answer.value()
    }

    /// Ends an answer with an error when a limit has passed.
    ///
    /// - Returns: the timer, to be cancelled when the answer has come.
    nonisolated func end(_ answer: Answer, after limit: Duration?) -> Timers.ID? {
        limit.map { limit in
            runtime.timers.schedule(at: runtime.timers.now + limit) {
                let late = MessagingError(.timeout, "the server did not confirm the message within \(limit)")
                answer.end(.failure(late))
            }
        }
    }

    /// Has commands run, in the order in which they are given.
    ///
    /// - Parameters:
    ///   - timer: cancelled if they can't be put in.
    ///   - limit: how long they may wait for room.
    nonisolated func begin(_ request: Request, _ timer: Timers.ID?, within limit: Duration?) async throws {
        do {
            try Task.checkCancellation()
            try await outbox.put(.request(request), limit: WaitLimit(limit, of: runtime.timers))
        } catch {
            if let timer { runtime.timers.cancel(timer) }
            throw error
        }
    }

    /// Has a publish run once, and waits for nothing; without a link it is treated as the options say.
    nonisolated func put(_ body: [UInt8], to topic: TopicName) async throws {
        try Task.checkCancellation()
        if case .taken = try await outbox.publish(body, to: topic) { return }
        switch runtime.states.state {
        case .connected:
            // The link has come back just now, or is being lost.
            try await outbox.put(.publish(body, topic))
        case .closed:
            throw MessagingError.closed
        case .connecting, .disconnected:
            switch offline.add(publication(body, to: topic)) {
            case .refused: throw MessagingError.offline
            case .dropped: runtime.count(\.droppedOffline, "a publish was dropped while there was no link")
            case .kept: break
            }
            // The link may have come back just before: what comes next is not to get ahead.
            outbox.holdBack()
            bell.ring()
        }
    }

    /// A publish that waits for the link.
    private nonisolated func publication(_ body: [UInt8], to topic: TopicName) -> Request {
        Request(
            CommandFormat.publish(body, to: topic.text(in: .dotted)),
            .handler { [runtime] result in
                switch result {
                case .success(.error(let error)): runtime.refused(topic, error)
                case .success: break
                case .failure: runtime.lost(1, topic)
                }
            }
        )
    }

    // MARK: On the loop

    /// Gives the socket what it can take.
    func send() {
        guard isOpen, let link = links[.command], link.isReady else { return }
        link.collectWritten()
        while hasRoom(link), let request = unconfirmed.popFirst() ?? (offline.keeps ? offline.takeFirst() : nil) {
            if !request.isAbandoned { write(request) }
        }
        let now = ContinuousClock.now
        while hasRoom(link), let command = outbox.takeFirst({ link.write($0) }, expect: { link.pending.expect($0) }) {
            if case .request(let request) = command.kind {
                write(request)
            } else {
                link.pending.append(command, sent: now)
            }
        }
        flushCommands()
        // A cluster's commands go different ways, and nobody is to get ahead of what waits here.
        if nodes.isEmpty, hasRoom(link) { link.lend(to: outbox) } else { link.reclaim() }
    }

    private func hasRoom(_ link: RedisLink) -> Bool {
        link.waiting < Self.maximumWaiting && link.pending.count + pendingElsewhere < Self.maximumPending
    }

    /// How many commands are under way to other nodes of a cluster.
    private var pendingElsewhere: Int {
        guard pending.count > 1 else { return 0 }
        return pending.reduce(0) { $0 + ($1.key == .command ? 0 : $1.value.count) }
    }

    /// Writes a request, to the node that keeps its keys.
    func write(_ request: Request) {
        let role = nodes[request.slot].map(Role.node) ?? .command
        do {
            let link: RedisLink
            if let open = links[role] {
                link = open
            } else if case .node(let endpoint) = role {
                link = try open(role, to: endpoint)
            } else {
                throw MessagingError.offline
            }
            link.write(request.bytes)
            // Behind what others have written to the socket, which this takes over.
            link.pending.append(CommandEntry(.request(request)), sent: .now)
        } catch {
            request.end(.failure(error))
        }
    }

    /// Gives the sockets what was written.
    func flushCommands() {
        links[.command]?.flush()
        for role in pending.keys where role != .command { links[role]?.flush() }
    }

    /// Has commands run for the session itself, ahead of what waits.
    ///
    /// - Returns: the reply, or an array of those of several commands.
    func perform(_ commands: [[[UInt8]]], slot: Int? = nil) async throws -> RedisValue {
        let answer = Answer()
        try perform(Request(commands, slot: slot, .answer(answer)))
        return try await answer.value()
    }

    /// Has a command of text run for the session itself.
    func perform(_ words: String..., slot: Int? = nil) async throws -> RedisValue {
        try await perform([words.map { Array($0.utf8) }], slot: slot)
    }

    func perform(_ request: Request) throws {
        guard let link = links[.command], !link.isEnded else { throw MessagingError.offline }
        write(request)
        flushCommands()
    }

    func receivedCommandReply(_ reply: RedisValue, to pending: PendingCommands) {
        switch pending.received(reply) {
        case .nothing:
            break
        case .refused(let topic, let error):
            runtime.refused(topic, error)
        case .answer(let answer):
            answered.append((answer, .success(reply)))
        case .request(var request, let whole):
            if let redirection = request.redirection(in: whole), learn(from: redirection) {
                request.redirections += 1
                write(request)
                return flushCommands()
            }
            request.end(.success(whole))
        case .unasked:
            linkFailed(MessagingError(.connectionLost, "the server answered something that was not asked"))
        }
    }

    /// Ends the answers that have come.
    func endAnswered() {
        guard !answered.isEmpty else { return }
        Answer.end(answered)
        answered.removeAll(keepingCapacity: true)
    }

    /// A cluster has said where a key is.
    func learn(from error: RedisError) -> Bool {
        guard let first = links[.command]?.endpoint else { return false }
        return nodes.learn(from: error, first: first)
    }

    /// The link is gone: what had not been sent and has no guarantee goes with it.
    func drop(_ unsent: UnansweredCommands) {
        let error = MessagingError(
            .notConnected,
            "the link was lost before the command was sent: it has not been done; the link comes back by itself"
        )
        end(unsent, error)
    }

    /// Commands have not been sent, or their answers will not come.
    func end(_ unanswered: UnansweredCommands, _ error: any Error) {
        for command in unanswered.commands {
            switch command.kind {
            case .publishes(let topic): runtime.lost(command.count, topic)
            case .awaited: break
            case .request(let request): request.end(.failure(error))
            }
        }
        for answer in unanswered.answers { answer.end(.failure(error)) }
    }
}

extension ConnectionRuntime {
    /// The server refuses a publish whose answer nobody waits for.
    fileprivate func refused(_ topic: TopicName, _ error: RedisError) {
        count(\.refused, "the server refused a message to \(topic): \(error)")
    }

    /// Publishes whose answers nobody waits for went with the link.
    fileprivate func lost(_ number: Int, _ topic: TopicName) {
        count(\.droppedOffline, by: number, "a message to \(topic) went with the link")
    }
}
