import DequeModule
import Martlet
import MartletIO

/// Commands on their way out, and the replies to them.
extension RedisSession {
    /// How many bytes may wait for the socket before the outbox is left alone: then it fills, and its producers wait.
    private static var maximumWaiting: Int { 1 << 20 }
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
        switch runtime.states.state {
        case .connected: break
        case .closed: throw MessagingError.closed
        case .connecting, .disconnected: throw MessagingError.offline
        }
        return try await submit(commands, slot: slot, isGuaranteed: false, within: limit)
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
        let promise = Promise<RedisValue>()
        let timer = try await begin(
            Request(commands, slot: slot, isGuaranteed: isGuaranteed, .promise(promise)),
            within: limit
        )
        defer { if let timer { runtime.timers.cancel(timer) } }
        return try await promise.value()
    }

    /// Has commands run, in the order in which they are given.
    ///
    /// - Returns: what ends the request's promise at the limit, to be cancelled when it has ended.
    @discardableResult
    nonisolated func begin(_ request: Request, within limit: Duration? = nil) async throws -> Timers.ID? {
        try Task.checkCancellation()
        let timer = limit.map { limit in
            runtime.timers.schedule(at: runtime.timers.now + limit) {
                request.end(
                    .failure(MessagingError(.timeout, "the server did not confirm the message within \(limit)"))
                )
            }
        }
        do {
            try await outbox.put(request, bytes: request.cost)
        } catch {
            if let timer { runtime.timers.cancel(timer) }
            throw error
        }
        return timer
    }

    /// Has a publish run once, and waits for nothing; without a link it is treated as the options say.
    nonisolated func put(_ publish: Request) async throws {
        switch runtime.states.state {
        case .connected:
            try Task.checkCancellation()
            try await outbox.put(publish, bytes: publish.cost)
        case .closed:
            throw MessagingError.closed
        case .connecting, .disconnected:
            try Task.checkCancellation()
            switch offline.add(publish) {
            case .refused: throw MessagingError.offline
            case .dropped: runtime.count(\.droppedOffline, "a publish was dropped while there was no link")
            case .kept: break
            }
            // The link may have come back just before.
            bell.ring()
        }
    }

    // MARK: On the loop

    /// Gives the socket what it can take.
    func send() {
        guard case .open = phase, let link = links[.command], link.isReady else { return }
        while link.waiting < Self.maximumWaiting, pendingCount < Self.maximumPending, let request = takeNext() {
            if !request.isAbandoned { write(request) }
        }
        flushCommands()
    }

    private func takeNext() -> Request? {
        next.take() ?? unconfirmed.popFirst() ?? offline.takeFirst() ?? outbox.takeFirst()
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
            pending[role, default: []].append(PendingRequest(request, sent: .now))
            pendingCount += 1
            link.write(request.bytes)
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
        let promise = Promise<RedisValue>()
        try perform(Request(commands, slot: slot, .promise(promise)))
        return try await promise.value()
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

    func receivedCommandReply(_ reply: RedisValue, by role: Role) {
        guard var first = pending[role]?.popFirst() else {
            return lost(MessagingError(.connectionLost, "the server answered something that was not asked"))
        }
        guard let whole = first.received(reply) else {
            pending[role]?.prepend(first)
            return
        }
        pendingCount -= 1
        if let redirection = first.request.redirection(in: whole), learn(from: redirection) {
            var request = first.request
            request.redirections += 1
            write(request)
            return flushCommands()
        }
        first.request.end(.success(whole))
    }

    /// A cluster has said where a key is.
    func learn(from error: RedisError) -> Bool {
        guard let first = links[.command]?.endpoint else { return false }
        return nodes.learn(from: error, first: first)
    }

    /// The link is gone: what has no guarantee goes with it.
    func dropUnguaranteed() {
        let error = MessagingError(
            .notConnected,
            "the link was lost before the command was sent: it has not been done; the link comes back by itself"
        )
        for request in outbox.removeAll(where: { !$0.isGuaranteed }) { request.end(.failure(error)) }
    }
}
