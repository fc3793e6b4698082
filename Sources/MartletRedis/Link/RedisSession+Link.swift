import DequeModule
import Logging
import Martlet
import MartletTransport

/// Getting the link, keeping it, and noticing that it is gone.
extension RedisSession {
    /// Opens the first link, or leaves that to the task that tries on.
    ///
    /// - Throws: why the last server that was tried could not be connected to.
    func connect() async throws {
        do {
            try await establish()
        } catch  where options.connection.whenUnreachable.triesOn(after: error) {
            runtime.logger.warning("the server can't be reached yet; trying on: \(error)")
            reconnecting = Task { await reconnect() }
        } catch {
            await close()
            throw error
        }
    }

    /// Tries each server's addresses in turn until one answers.
    private func establish() async throws {
        var failure: any Error = MessagingError.offline
        for server in options.servers {
            do {
                for endpoint in try await endpoints(of: server) {
                    do {
                        return try await establish(at: endpoint)
                    } catch let error as MessagingError {
                        // A server that answers no speaks for its other addresses as well.
                        if error.code == .refused, !error.isRetriable { throw error }
                        failure = error
                    }
                }
            } catch let error as MessagingError {
                failure = error
            }
        }
        throw failure
    }

    private func endpoints(of server: RedisOptions.Server) async throws -> [Endpoint] {
        switch server {
        case .unix(let path):
            return [.unix(path: path)]
        case .tcp(let host, let port):
            let deadline = ContinuousClock.now.advanced(by: options.connectTimeout)
            return try await Resolver.addresses(of: host, port: port, deadline: deadline).map { .tcp($0, host: host) }
        }
    }

    private func establish(at endpoint: Endpoint) async throws {
        guard case .idle = phase else { throw MessagingError.closed }
        try Task.checkCancellation()
        phase = .opening
        openingFailure = nil
        do {
            let promise = Promise<Void>()
            opening = promise
            defer { opening = nil }
            try open(.command, to: endpoint)
            try await promise.value()
            try await restore()
            if let openingFailure { throw openingFailure }
            guard case .opening = phase else { throw MessagingError.closed }
            phase = .open
            runtime.states.set(.connected)
            outbox.connected()
            beginHeartbeat()
            watchForSilence()
            finishLeaving()
            work()
        } catch {
            closeLinks()
            failPending(error)
            if case .opening = phase { phase = .idle }
            guard let error = error as? MessagingError else { throw error }
            throw MessagingError(
                error.code,
                "could not connect to \(endpoint): \(error.message)",
                cause: error.cause,
                isRetriable: error.isRetriable
            )
        }
    }

    /// Opens what was open on the link before.
    private func restore() async throws {
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
            tls: options.tls.map { try tls[endpoint.host] ?? TLSContext($0, host: endpoint.host) },
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

    /// What a socket is called at the server: a consumer's as its lease, so that it can be found by that.
    private func name(of role: Role) -> String {
        if case .consumer(let number) = role, let consumer = consumers[number] { consumer.id } else { runtime.name }
    }

    private func ready(_ role: Role) {
        if role == .command { opening?.end(.success(())) }
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
        case .command, .node: send()
        case .subscriber: updatePause()
        case .consumer(let number): refill(number)
        case .replies, .replyLists: break
        }
    }

    func closeLinks() {
        for link in links.values { link.close() }
        links.removeAll()
    }

    private func ended(_ role: Role, _ error: MessagingError) {
        switch phase {
        case .opening:
            openingFailure = openingFailure ?? error
            opening?.end(.failure(error))
            closeLinks()
            failPending(error)
        case .open:
            lost(MessagingError(error.code, "the \(role) socket: \(error.message)", cause: error.cause))
        case .idle, .closing, .closed:
            links.removeValue(forKey: role)?.close()
            // What the others are for, nobody needs any more.
            if case .closing = phase, pending[role] != nil { failPending(error) }
        }
    }

    /// The link is lost.
    func lost(_ error: MessagingError) {
        guard case .open = phase else { return }
        phase = .idle
        heartbeat?.cancel()
        heartbeat = nil
        watchdog?.cancel()
        for (role, link) in links {
            if case .consumer(let number) = role, let id = link.clientID { lostClients[number] = id }
        }
        closeLinks()
        runtime.logger.info("the link to the server is lost: \(error)")
        // Who settles a delivery from now on is told.
        loseConsumers()
        // Whoever is told of the loss below finds the state that says so; and from the time that it says so, nothing is
        // taken that would only be dropped.
        let unsent = outbox.disconnected()
        runtime.linkLost(
            MessagingError(.connectionLost, "the link was lost while the call waited for its reply", cause: error)
        )
        let failure = MessagingError(
            .connectionLost,
            "the link was lost before the server answered: it may or may not have been done",
            cause: error
        )
        failPending(failure)
        if !table.isEmpty {
            runtime.count(\.gaps, "the link was lost: what was published meanwhile did not arrive (\(error))")
        }
        drop(unsent)
        reconnecting = Task { await reconnect() }
    }

    /// What was sent and not answered fails, or is kept to be sent again. So do those who wait for other answers.
    func failPending(_ error: any Error) {
        var kept: Deque<Request> = []
        let commands = pending.removeValue(forKey: .command)
        var unanswered = UnansweredCommands()
        for pending in [commands].compactMap({ $0 }) + pending.values { unanswered.append(pending.removeAll()) }
        pending.removeAll()
        if phaseKeepsRequests {
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

    private var phaseKeepsRequests: Bool {
        switch phase {
        case .idle, .opening, .open: true
        case .closing, .closed: false
        }
    }

    private func reconnect() async {
        var attempt = 0
        while !Task.isCancelled {
            guard let delay = options.reconnect.delay(before: attempt) else {
                runtime.logger.error("the link could not be restored in \(attempt) attempts: the connection is closed")
                return await finish(
                    MessagingError(.connectionLost, "the link could not be restored in \(attempt) attempts")
                )
            }
            attempt += 1
            do {
                try await runtime.timers.sleep(for: delay)
                try await establish()
                return
            } catch is CancellationError {
                return
            } catch {
                runtime.logger.debug("attempt \(attempt) to restore the link failed: \(error)")
            }
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
        guard case .open = phase else { return }
        do {
            try await renewConsumers()
            try await renewWill()
            // The end may have come meanwhile, and with it the last that is to be said of this owner.
            guard case .open = phase else { return }
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
                guard case .open = session.phase else { return }
                session.checkSilence()
                session.watchForSilence()
            }
        }
    }

    /// Finds out that the server does not answer, and asks it where it has nothing to say.
    private func checkSilence() {
        checkWhetherCut()
        guard case .open = phase else { return }
        let now = ContinuousClock.now
        for (role, commands) in pending {
            links[role]?.collectWritten()
            guard let link = links[role], let oldest = commands.oldest else { continue }
            let silence = now - max(oldest, link.lastHeard)
            if silence > options.responseTimeout {
                return lost(MessagingError(.connectionLost, "the server has not answered for \(silence)"))
            }
        }
        guard let keepAlive = options.keepAlive else { return }
        for role in [Role.subscriber, .replies] {
            guard let link = links[role], !link.isPaused, link.isReady else { continue }
            let silence = now - link.lastHeard
            if silence > keepAlive + options.responseTimeout {
                return lost(MessagingError(.connectionLost, "the server has not answered for \(silence)"))
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

    /// Says goodbye to the server and ends everything.
    func close() async {
        reconnecting?.cancel()
        heartbeat?.cancel()
        if farewell == nil { farewell = Task { await bidFarewell() } }
        await farewell?.value
    }

    private func bidFarewell() async {
        // The link may open in this very moment.
        await reconnecting?.value
        await runtime.sendNotices()
        await sayGoodbye()
        await finish(MessagingError.closed)
    }

    /// Ends everything, because nobody holds the connection any more. From any thread.
    nonisolated func abandon() {
        loop.execute { [self] in
            assumeIsolated { session in
                guard session.farewell == nil else { return }
                session.reconnecting?.cancel()
                session.heartbeat?.cancel()
                session.farewell = Task { await session.bidFarewell() }
            }
        }
    }

    /// What was accepted is sent, what was held is given back, and what only this connection hears is deleted.
    private func sayGoodbye() async {
        guard case .open = phase else { return }
        send()
        guard case .open = phase else { return }
        phase = .closing
        let timer = loop.schedule(after: .seconds(2)) { [weak self] in
            self?.assumeIsolated { session in
                session.closeLinks()
                session.failPending(MessagingError.closed)
            }
        }
        closeInboxes()
        try? await giveEverythingBack()
        timer.cancel()
    }

    /// Ends everything, for good; returns when nothing is left running.
    func finish(_ error: MessagingError) async {
        guard end(error) else { return }
        await runtime.close(error)
        await loop.close()
    }

    /// - Returns: whether it had not ended before.
    private func end(_ error: MessagingError) -> Bool {
        if case .closed = phase { return false }
        phase = .closed
        opening?.end(.failure(error))
        heartbeat?.cancel()
        watchdog?.cancel()
        closeLinks()
        failPending(error)
        for request in unconfirmed { request.end(.failure(error)) }
        unconfirmed.removeAll()
        while let request = offline.takeFirst() { request.end(.failure(error)) }
        end(outbox.close(error), error)
        let ending: MessagingError? = error.code == .connectionClosed ? nil : error
        for receiver in table.removeAll() { receiver.inbox.mailbox.finish(throwing: ending) }
        endConsumers(ending)
        endSearches()
        return true
    }
}
