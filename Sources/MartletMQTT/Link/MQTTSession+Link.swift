import CMosquitto
import DequeModule
import Logging
import Martlet
import MartletTransport
import Synchronization

/// Getting the link, keeping it, and noticing that it is gone.
extension MQTTSession {
    /// Opens the first link, or leaves that to the task that tries on.
    ///
    /// - Throws: why the last server that was tried could not be connected to.
    func connect() async throws {
        client.delegate = self
        do {
            try await openLink()
        } catch  where options.connection.whenUnreachable.triesOn(after: error) {
            runtime.logger.warning("the broker can't be reached yet; trying on: \(error)")
            reconnecting = Task { await reconnect() }
        } catch {
            await close()
            throw error
        }
    }

    /// Tries each server's addresses in turn until one accepts; when it returns the link has been open, and whatever
    /// is restored on it is on its way.
    private func openLink() async throws {
        var failure: any Error = MessagingError.offline
        for server in options.servers {
            do {
                let addresses = try await Resolver.addresses(
                    of: server.host,
                    port: server.port,
                    deadline: .now + options.connectTimeout
                )
                for address in addresses {
                    do {
                        return try await openLink(to: address, of: server)
                    } catch let error as MessagingError {
                        // A broker that answers no speaks for its other addresses as well.
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

    private func openLink(to address: SocketAddress, of server: MQTTOptions.Server) async throws {
        if case .closed = phase { throw MessagingError.closed }
        try Task.checkCancellation()
        let promise = Promise<Void>()
        phase = .opening(promise)
        acknowledgement = nil
        brokersReason = nil
        let timer = loop.schedule(after: options.connectTimeout) { [options] in
            promise.end(
                .failure(
                    MessagingError(
                        .timeout,
                        "\(server.host) at \(address) gave no answer within \(options.connectTimeout)"
                    )
                )
            )
        }
        defer { timer.cancel() }
        do {
            if let tls = tls[server.host] { try client.secure(by: tls) }
            try client.connect(to: address, keepAlive: options.keepAlive, connectProperties())
            watchSocket()
            try await promise.value()
        } catch {
            abandonLink()
            if case .opening = phase { phase = .idle }
            guard let error = error as? MessagingError else { throw error }
            throw MessagingError(
                error.code,
                "could not connect to \(server.host) at \(address): \(error.message)",
                isRetriable: error.isRetriable
            )
        }
    }

    private func connectProperties() throws -> MosquittoProperties {
        var properties = MosquittoProperties(options.version)
        if case .persistent(let expiry) = options.session {
            // All ones: the session does not expire (MQTT 5, 3.1.2.11.2).
            let seconds = expiry.map { max(1, $0.components.seconds) } ?? Int64(UInt32.max)
            try properties.add(MQTT_PROP_SESSION_EXPIRY_INTERVAL, int32: Int(clamping: seconds))
        }
        if let size = options.maximumPacketSize { try properties.add(MQTT_PROP_MAXIMUM_PACKET_SIZE, int32: size) }
        return properties
    }

    private func watchSocket() {
        guard let socket = client.socket else { return }
        watch = loop.watch(socket, for: [.read, .write]) { [weak self] ready in
            self?.assumeIsolated { $0.socketReady(ready) }
        }
    }

    /// A link has been accepted: what was open on the one before is opened again.
    private func established(_ acknowledgement: ConnectAcknowledgement) {
        phase = .open
        broker = acknowledgement
        inFlight.window = min(options.maximumInFlight, acknowledgement.receiveMaximum)
        aliases = TopicAliases(limit: min(options.topicAliases, acknowledgement.topicAliases))
        let interval = acknowledgement.keepAlive ?? options.keepAlive
        keepAlive = interval > .zero ? KeepAlive(interval: interval, now: .now) : nil
        limits.withLock { $0 = acknowledgement.limits }
        scheduleTick()
        restoring = loop.schedule(after: options.connectTimeout) { [weak self] in
            self?.assumeIsolated { $0.restoringTakesTooLong() }
        }
        attend {
            if !acknowledgement.sessionPresent { try restoreSubscriptions() }
            try send()
        }
        concludeRestoring()
    }

    /// Tells that there is a link once everything is restored: what others publish from then on is not missed.
    func concludeRestoring() {
        guard case .open = phase, let timer = restoring else { return }
        guard !subscribing.values.contains(where: \.isRestored) else { return }
        timer.cancel()
        restoring = nil
        runtime.states.set(.connected)
    }

    private func restoringTakesTooLong() {
        attend {
            throw MessagingError(
                .timeout,
                "the broker did not restore the subscriptions within \(options.connectTimeout)"
            )
        }
    }

    // MARK: Events

    /// Does something with the library, and then what follows from it: the socket is watched for what is wanted now,
    /// or the link is found to be lost.
    func attend(_ body: () throws -> Void) {
        do {
            defer { tellConfirmed() }
            try body()
            try client.flush()
            // It has got room in this very moment, and so will not tell of it.
            if isHeldUp, !client.wantsToWrite {
                isHeldUp = false
                bell.ring()
            }
            updateInterest()
        } catch {
            linkFailed(error)
            return
        }
        if client.socket == nil { linkFailed(MessagingError(.connectionLost, "the broker ended the link")) }
    }

    private func socketReady(_ ready: Interest) {
        keepAlive?.heard(.now)
        attend {
            if ready.contains(.read) || isOpening { try receive() }
            if ready.contains(.write) { try client.flush() }
            // A confirmation makes room for the next, and so does what was written.
            try send()
        }
        concludeOpening()
        writing?.end(.success(()))
    }

    private var isOpening: Bool {
        if case .opening = phase { true } else { false }
    }

    private func receive() throws {
        // Then others on this loop have their turn; what is left makes the socket ready again.
        _ = try client.read(packets: 64)
        guard let socket = client.socket else { return }
        if isOpening, options.tls != nil, SocketOptions.hasEnded(socket) {
            // The library would try the handshake again and again.
            throw MessagingError(.connectionLost, "the broker ended the link during the TLS handshake")
        }
        // The broker may hold back what follows a small packet until it knows that this has arrived (RFC 896).
        SocketOptions.setQuickAcknowledgement(socket)
    }

    /// Does what follows from the broker's answer, in the same turn of the loop that has read it: whatever the socket
    /// tells next is said of an open link.
    private func concludeOpening() {
        guard case .opening(let promise) = phase, let acknowledgement else { return }
        self.acknowledgement = nil
        if let refusal = acknowledgement.refusal {
            promise.end(.failure(refusal))
        } else if promise.end(.success(())) {
            established(acknowledgement)
        }
        // Else it was too late, and who asked for the link is about to let go of it.
    }

    /// Watches the socket for what is wanted of it: nothing is read while a reader is behind.
    func updateInterest() {
        guard let watch, !watch.isCancelled else { return }
        var interest: Interest = isDeaf ? [] : .read
        if client.wantsToWrite { interest.insert(.write) }
        watch.interest = interest
    }

    /// Whether the socket is not read, because a reader is behind.
    ///
    /// While an answer of the broker is awaited it is read on, as far as the backlog may go: what the reader waits
    /// for may be that answer.
    private var isDeaf: Bool {
        guard gate.isClosed, case .open = phase else { return false }
        let awaitsAnswer = inFlight.count > 0 || !subscribing.isEmpty || runtime.hasCallsInFlight
        return !awaitsAnswer || !backlog.hasRoom
    }

    private func scheduleTick() {
        ticker?.cancel()
        guard let keepAlive else { return }
        ticker = loop.schedule(after: keepAlive.tick) { [weak self] in
            self?.assumeIsolated { $0.tick() }
        }
    }

    private func tick() {
        guard case .open = phase, let verdict = keepAlive?.check(.now, isDeaf: isDeaf) else { return }
        scheduleTick()
        attend {
            switch verdict {
            case .nothing: break
            case .ping: try client.keepAlive()
            // Something that every broker takes from every client, and that means nothing to it.
            case .nudge: client.unsubscribe(from: "martlet/keep-alive")
            case .dead:
                throw MessagingError(
                    .connectionLost,
                    "nothing was heard of the broker for one and a half times the keep-alive interval"
                )
            }
        }
    }

    // MARK: The link is lost

    private func linkFailed(_ error: any Error) {
        defer { writing?.end(.success(())) }
        switch phase {
        case .opening(let promise):
            // The broker's own words say more than that it closed the socket.
            promise.end(.failure(acknowledgement?.refusal ?? error))
            abandonLink()
        case .open:
            phase = .idle
            abandonLink()
            linkLost(brokersReason.map { MessagingError(disconnectReason: $0) } ?? error)
        case .idle, .closing, .closed:
            abandonLink()
        }
    }

    private func linkLost(_ error: any Error) {
        runtime.logger.info("the link to the broker is lost: \(error)")
        failSubscribing(error)
        runtime.linkLost(
            MessagingError(.connectionLost, "the link was lost while the call waited for its reply", cause: error)
        )
        renewClient()
        dropUnguaranteed(error)
        reconnecting = Task { await reconnect() }
    }

    /// Lets go of the socket, without a word to the broker.
    private func abandonLink() {
        watch?.cancel()
        watch = nil
        ticker?.cancel()
        ticker = nil
        keepAlive = nil
        restoring?.cancel()
        restoring = nil
        // It reads what has come until then.
        client.abort()
        tellConfirmed()
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
                try await openLink()
                return
            } catch is CancellationError {
                return
            } catch {
                runtime.logger.debug("attempt \(attempt) to restore the link failed: \(error)")
            }
        }
    }

    // MARK: The end

    /// How long what was accepted may take to be written when the connection is closed: the other side may read
    /// nothing any more.
    private static var farewellTime: Duration { .seconds(5) }

    /// Sends what was accepted, says goodbye to the broker and ends everything.
    func close() async {
        reconnecting?.cancel()
        if farewell == nil { farewell = Task { await bidFarewell() } }
        await farewell?.value
    }

    private func bidFarewell() async {
        await runtime.sendNotices()
        let deadline = ContinuousClock.now + Self.farewellTime
        await waitUntilWritten(until: deadline)
        sayGoodbye()
        await waitUntilWritten(until: deadline)
        await finish(MessagingError.closed)
    }

    /// Ends everything without waiting, because nobody holds the connection any more. From any thread.
    nonisolated func abandon() {
        bell.execute { [self] in
            assumeIsolated { session in
                guard session.farewell == nil else { return }
                session.reconnecting?.cancel()
                session.sayGoodbye()
                guard session.end(MessagingError.closed) else { return }
                session.runtime.states.set(.closed)
                session.loop.closeSoon()
            }
        }
    }

    private func sayGoodbye() {
        if case .open = phase { attend { try send() } }
        guard case .open = phase else { return }
        phase = .closing
        client.disconnect()
        attend {}
    }

    /// Ends everything, for good; returns when nothing is left running.
    private func finish(_ error: MessagingError) async {
        let isFirst = end(error)
        await runtime.close(error)
        if isFirst { await loop.close() }
    }

    /// - Returns: whether it had not ended before.
    private func end(_ error: MessagingError) -> Bool {
        if case .closed = phase { return false }
        if case .opening(let promise) = phase { promise.end(.failure(error)) }
        phase = .closed
        bell.silence()
        abandonLink()
        failSubscribing(error)
        let unsent = inFlight.removeAll() + first + outbox.close(error)
        first.removeAll()
        for outgoing in unsent { outgoing.confirmation?.end(.failure(error)) }
        finishReceivers(error.code == .connectionClosed ? nil : error)
        return true
    }
}
