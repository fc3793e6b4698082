import DequeModule
import Logging
import Martlet
import MartletTransport

/// Getting the link, keeping it, and noticing that it is gone.
extension RedisSession {
    func openLink(to endpoint: Endpoint) throws {
        tls.removeAll()
        try open(.command, to: endpoint)
    }

    func restoreLink() async throws {
        // Slots may have moved meanwhile, and the nodes say so.
        nodes = SlotTable()
        clock.forget()
        try await readClock()
        try await readVersion()
        try await storeWill()
        try await restoreSubscriptions()
        try await restoreReplies()
        try await restoreConsumers()
    }

    func linkIsOpen() {
        wasOpen = true
        outbox.connected()
        beginHeartbeat()
        watchForSilence()
        finishLeaving()
        work()
    }

    private func readVersion() async throws {
        let text = try await perform("INFO", "server").string ?? ""
        // Who is not told takes the server for one of today.
        guard let mark = text.firstRange(of: "redis_version:") else { return }
        let version = text[mark.upperBound...].prefix { $0 != "." && !$0.isNewline }
        hasScriptFlags = Int(version).map { $0 >= 7 } ?? true
    }

    /// Reads the server's clock, a few times if the answers take long.
    private func readClock() async throws {
        for _ in 0..<5 {
            let asked = WallClock.nanoseconds
            let answer = Promise<Void>()
            let request = Request(
                [[Array("TIME".utf8)]],
                .handler { [clock] result in
                    // Here, on the loop: until the task goes on time may pass.
                    if case .success(let reply) = result {
                        clock.set(reply, asked: asked, answered: WallClock.nanoseconds)
                    }
                    answer.end(result.map { _ in })
                }
            )
            try perform(request)
            try await answer.value()
            if clock.uncertainty < .milliseconds(2) { return }
        }
    }

    // MARK: Sockets

    /// Opens a socket, by which commands can be sent at once: they wait until it is ready.
    @discardableResult
    func open(_ role: Role, to endpoint: Endpoint? = nil) throws -> RedisLink {
        guard let endpoint = endpoint ?? links[.command]?.endpoint else { throw MessagingError.offline }
        let commands = PendingCommands()
        let hearsPushes =
            switch role {
            case .subscriber, .replies: true
            case .command, .node, .replyLists, .consumer: false
            }
        let link = try RedisLink(
            to: endpoint,
            options,
            name: name(of: role),
            tls: context(for: endpoint.host),
            pending: commands,
            hearsPushes: hearsPushes,
            on: loop,
            scratch: scratch
        ) { [weak self] in
            self?.assumeIsolated { $0.ready(role) }
        } onInput: { [weak self] in
            try self?.assumeIsolated { try $0.takeReplies(by: role) }
        } onRound: { [weak self] in
            self?.assumeIsolated { $0.finishedRound(role) }
        } onEnd: { [weak self] error in
            self?.assumeIsolated { $0.ended(role, error) }
        }
        links[role] = link
        switch role {
        case .command, .node: pending[role] = commands
        case .subscriber, .replies, .replyLists, .consumer: break
        }
        return link
    }

    /// What a socket is secured by, with the certificates as they are at the time of the link.
    private func context(for host: String) throws -> TLSContext? {
        guard let options = options.tls else { return nil }
        if let context = tls[host] { return context }
        let context = try TLSContext(options, host: host)
        tls[host] = context
        return context
    }

    /// What a socket is called at the server: a consumer's as its lease, so that it can be found by that.
    private func name(of role: Role) -> String {
        if case .consumer(let number) = role, let consumer = consumers[number] { consumer.id } else { runtime.name }
    }

    private func ready(_ role: Role) {
        if role == .command { linkAnswered() }
        if case .consumer(let number) = role { consumerIsReady(number) }
    }

    /// Takes all replies that are complete.
    private func takeReplies(by role: Role) throws {
        guard let link = links[role] else { return }
        let reader = link.reader
        // What one of them leads to may end the socket.
        switch role {
        case .command, .node:
            link.collectWritten()
            defer { endAnswered() }
            while !link.isEnded, let reply = try reader.next() { receivedCommandReply(reply, to: link.pending) }
        case .subscriber:
            defer { deliverBatch() }
            while !link.isEnded, let reply = try reader.next({ collect($0) }) {
                deliverBatch()
                receivedBySubscriber(reply)
            }
        case .replies:
            while !link.isEnded, let reply = try reader.next({ receivedReply($0) }) { receivedReply(reply) }
        case .replyLists(let set):
            while !link.isEnded, let reply = try reader.next() { receivedFromList(reply, set: set) }
        case .consumer(let number):
            while !link.isEnded, let reply = try reader.next() { receivedByConsumer(reply, number) }
        }
    }

    /// A socket has read and written what it could for now.
    private func finishedRound(_ role: Role) {
        switch role {
        case .command, .node:
            send()
            keeper.progressed()
        case .subscriber: updatePause()
        case .consumer(let number): refill(number)
        case .replies, .replyLists: break
        }
    }

    func releaseLink() {
        heartbeat?.cancel()
        heartbeat = nil
        watchdog?.cancel()
        for (role, link) in links {
            if case .consumer(let number) = role, let id = link.clientID { lostClients[number] = id }
        }
        closeLinks()
        guard wasOpen else { return }
        // Whoever sees that the link is lost is told so when it settles a delivery; and nothing is taken any more that would
        // only be dropped.
        loseConsumers()
        unsent.append(outbox.disconnected())
    }

    private func closeLinks() {
        for link in links.values { link.close() }
        links.removeAll()
    }

    private func ended(_ role: Role, _ error: MessagingError) {
        switch keeper.state {
        case .opening, .restoring:
            linkFailed(error)
        case .open, .draining:
            linkFailed(MessagingError(error.code, "the \(role) socket: \(error.message)", cause: error.cause))
        case .idle, .closing, .closed:
            links.removeValue(forKey: role)?.close()
            // What the others are for, nobody needs any more.
            if keeper.state == .closing, pending[role] != nil { failPending(error) }
        }
    }

    func linkIsLost(_ error: MessagingError) {
        failPending(
            MessagingError(
                .connectionLost,
                "the link was lost before the server answered: it may or may not have been done",
                cause: error
            )
        )
        guard wasOpen else { return }
        wasOpen = false
        if !table.isEmpty {
            runtime.count(\.gaps, "the link was lost: what was published meanwhile did not arrive (\(error))")
        }
        drop(unsent)
        unsent = UnansweredCommands()
    }

    /// What was sent and not answered fails, or is kept to be sent again. So do those who wait for other answers.
    func failPending(_ error: any Error) {
        var kept: Deque<Request> = []
        let commands = pending.removeValue(forKey: .command)
        var unanswered = UnansweredCommands()
        for pending in [commands].compactMap({ $0 }) + pending.values { unanswered.append(pending.removeAll()) }
        pending.removeAll()
        if keepsRequests {
            unanswered.commands.removeAll { command in
                guard case .request(let request) = command.kind, request.isGuaranteed else { return false }
                kept.append(request)
                return true
            }
        }
        end(unanswered, error)
        unconfirmed.insert(contentsOf: kept, at: 0)
        for promise in confirmations { promise?.end(.failure(error)) }
        confirmations.removeAll()
        for promise in replyConfirmations { promise?.end(.failure(error)) }
        replyConfirmations.removeAll()
    }

    private var keepsRequests: Bool {
        switch keeper.state {
        case .idle, .opening, .restoring, .open: true
        case .draining, .closing, .closed: false
        }
    }

    // MARK: Signs of life

    private func beginHeartbeat() {
        heartbeat?.cancel()
        heartbeat = Task { [weak self, lease = options.lease] in
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: lease / 3)
                } catch {
                    return
                }
                await self?.beat()
            }
        }
    }

    private func beat() async {
        guard keeper.state == .open else { return }
        do {
            try await renewConsumers()
            try await renewWill()
            // The end may have come meanwhile, and with it the last that is to be said of this owner.
            guard keeper.state == .open else { return }
            try renewOwner()
        } catch {
            warn(of: error)
        }
    }

    /// A lost link tells of itself; a server that refuses the script keeps its queues from being tidied up.
    func warn(of error: any Error) {
        guard let error = error as? MessagingError, error.code == .refused, !hasWarned else { return }
        hasWarned = true
        runtime.logger.warning("the server refused a sign of life: \(error)")
    }

    /// Looks again and again whether the server is silent, until the link is lost.
    private func watchForSilence() {
        watchdog?.cancel()
        watchdog = loop.schedule(after: min(options.responseTimeout, options.lease) / 4) { [weak self] in
            self?.assumeIsolated { session in
                guard session.isOpen else { return }
                session.checkSilence()
                session.watchForSilence()
            }
        }
    }

    /// Finds out that the server does not answer, and asks it where it has nothing to say.
    private func checkSilence() {
        checkWhetherCut()
        guard isOpen else { return }
        let now = ContinuousClock.now
        for (role, commands) in pending {
            links[role]?.collectWritten()
            guard let link = links[role], let oldest = commands.oldest else { continue }
            let silence = now - max(oldest, link.lastHeard)
            if silence > options.responseTimeout {
                return linkFailed(MessagingError(.connectionLost, "the server has not answered for \(silence)"))
            }
        }
        guard let keepAlive = options.keepAlive else { return }
        for role in [Role.subscriber, .replies] {
            guard let link = links[role], !link.isPaused, link.isReady else { continue }
            let silence = now - link.lastHeard
            if silence > keepAlive + options.responseTimeout {
                return linkFailed(MessagingError(.connectionLost, "the server has not answered for \(silence)"))
            }
            guard silence > keepAlive else { continue }
            link.write(CommandFormat.bytes(of: "PING"))
            link.flush()
        }
    }

    /// Finds out that the server has cut a subscriber that is too far behind. As long as nothing is read from its socket,
    /// that shows at the server alone.
    ///
    /// What the server had sent before is on its way and has an end, some megabytes at most; then comes the end of the
    /// link. So it is read on.
    private func checkWhetherCut() {
        guard let link = links[.subscriber], link.isPaused else { return }
        if link.hasBeenClosed { return readToTheEnd(link) }
        guard let id = link.clientID else { return }
        let command = ["CLIENT", "LIST", "ID", "\(id)"].map { Array($0.utf8) }
        let completion = Request.Completion.handler { [weak self] result in
            self?.assumeIsolated { session in
                guard case .success(.bytes(let clients)) = result, clients.isEmpty,
                    let link = session.links[.subscriber], link.clientID == id
                else { return }
                session.readToTheEnd(link)
            }
        }
        try? perform(Request([command], completion))
    }

    private func readToTheEnd(_ link: RedisLink) {
        link.isCut = true
        link.isPaused = false
    }

    // MARK: The end

    /// Whether commands go out in the order in which they were given.
    var isOpen: Bool { keeper.state == .open || keeper.state == .draining }

    var hasUnwritten: Bool {
        pending.keys.contains { links[$0]?.waiting ?? 0 > 0 } || outbox.count > 0 || !unconfirmed.isEmpty
            || !offline.isEmpty
    }

    func writeAccepted() {
        send()
    }

    /// What was held is given back, and what only this connection hears is deleted.
    func sayGoodbye(until deadline: Duration) async {
        heartbeat?.cancel()
        let timer = runtime.timers.schedule(at: deadline) { [weak self, bell] in
            bell.execute { [weak self] in
                self?.assumeIsolated { session in
                    session.closeLinks()
                    session.failPending(MessagingError.closed)
                }
            }
        }
        closeInboxes()
        try? await giveEverythingBack()
        runtime.timers.cancel(timer)
    }

    func end(_ error: MessagingError) {
        outboxBell.silence()
        failPending(error)
        for request in unconfirmed { request.end(.failure(error)) }
        unconfirmed.removeAll()
        while let request = offline.takeFirst() { request.end(.failure(error)) }
        unsent.append(outbox.close(error))
        end(unsent, error)
        unsent = UnansweredCommands()
        let ending: MessagingError? = error.code == .connectionClosed ? nil : error
        for inbox in table.removeAll() { inbox.mailbox.finish(throwing: ending) }
        endConsumers(ending)
        endSearches()
    }
}
