import CMosquitto
import DequeModule
import Logging
import Martlet
import MartletTransport
import Synchronization

/// Getting the link, keeping it, and noticing that it is gone.
extension MQTTSession {
    func openLink(to endpoint: Endpoint) throws {
        guard case .tcp(let address, let host) = endpoint else { throw MessagingError.offline }
        client.delegate = self
        server = options.servers.firstIndex { $0.host == host && $0.port == address.port } ?? 0
        acknowledgement = nil
        brokersReason = nil
        // The files are read anew for each link.
        let tls = try options.tls.map { try TLSContext($0, host: host) }
        try client.connect(to: address, keepAlive: options.keepAlive, tls: tls, connectProperties())
        watchSocket()
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
        guard let socket = client.descriptor else { return }
        watch = loop.watch(socket, for: client.interest(reads: true)) { [weak self] ready in
            self?.assumeIsolated { $0.socketReady(ready) }
        }
    }

    /// The broker has accepted the link.
    private func established(_ acknowledgement: ConnectAcknowledgement) {
        broker = acknowledgement
        inFlight.window = min(options.maximumInFlight, acknowledgement.receiveMaximum)
        aliases = TopicAliases(limit: min(options.topicAliases, acknowledgement.topicAliases))
        let interval = acknowledgement.keepAlive ?? options.keepAlive
        keepAlive = interval > .zero ? KeepAlive(interval: interval, now: runtime.timers.now) : nil
        limits.withLock { $0 = acknowledgement.limits }
        scheduleTick()
    }

    /// Subscribes again, and begins to send; returns when the broker has answered to all: what others publish from then on is
    /// not missed.
    ///
    /// That holds for a kept session as well: a broker may have lost some of it, or have it from another time. But what it has
    /// kept comes before its answers, and readers may be slow: so after a second the link is taken for restored.
    func restoreLink() async throws {
        guard let broker else { throw MessagingError.offline }
        let restored = subscriptions.restore(at: server, isIdentified: broker.tellsSubscriptions)
        attend {
            try subscriptions.tell(client)
            try send()
        }
        let patience = subscriptions.hasSession ? Duration.seconds(1) : nil
        let timer = patience.map { patience in
            runtime.timers.schedule(at: runtime.timers.now + patience) { restored.end(.success(())) }
        }
        defer { if let timer { runtime.timers.cancel(timer) } }
        try await restored.value()
    }

    func linkIsOpen() {
        bell.ring()
    }

    // MARK: Events

    /// Does something with the library, and then what follows from it: the socket is watched for what is wanted now,
    /// or the link is found to be lost.
    func attend(_ body: () throws -> Void) {
        do {
            defer { tellConfirmed() }
            try body()
            if keeper.isUp { try subscriptions.tell(client) }
            try client.flush()
            // It has got room in this very moment, and so will not tell of it.
            if isHeldUp, !client.wantsToWrite {
                isHeldUp = false
                bell.ring()
            }
            updateInterest()
        } catch {
            client.drain()
            failed(error)
            return
        }
        if client.hasEnded { failed(MessagingError(.connectionLost, "the broker ended the link")) }
    }

    /// The broker's own words say more than that it closed the socket.
    private func failed(_ error: any Error) {
        linkFailed(
            acknowledgement?.refusal
                ?? brokersReason.map { MessagingError(disconnectReason: $0, text: client.farewell) } ?? error
        )
    }

    private func socketReady(_ ready: Interest) {
        keepAlive?.heard(runtime.timers.now)
        attend {
            guard try client.advance() else { return }
            if client.canRead(ready) { try receive() }
            // A confirmation makes room for the next, and so does what was written.
            try send()
        }
        concludeOpening()
        keeper.progressed()
    }

    private var isOpening: Bool { keeper.state == .opening }

    /// Reads once; then others on this loop have their turn, and what is left makes the socket ready again. What TLS has read
    /// does not.
    func receive() throws {
        while try client.read(), client.readsAhead, !isDeaf {}
        if client.hasReadDry { subscriptions.readDry() }
        // The broker may hold back what follows a small packet until it knows that this has arrived (RFC 896).
        if let socket = client.descriptor { SocketOptions.setQuickAcknowledgement(socket) }
    }

    /// Does what follows from the broker's answer, in the same turn of the loop that has read it: whatever the socket
    /// tells next is said of an open link.
    private func concludeOpening() {
        guard isOpening, let acknowledgement else { return }
        if let refusal = acknowledgement.refusal { return linkFailed(refusal) }
        self.acknowledgement = nil
        if linkAnswered() { established(acknowledgement) }
    }

    /// Watches the socket for what is wanted of it: nothing is read while a reader is behind, or when those have left for whom
    /// the broker keeps what comes.
    func updateInterest() {
        guard let watch, !watch.isCancelled else { return }
        let held = subscriptions.isHeld(isReading: awaitsAnswer)
        isResting = held.isHeld
        look(again: held.again)
        watch.interest = client.interest(reads: !isDeaf)
    }

    private func look(again time: Duration?) {
        if let interestTimer { runtime.timers.cancel(interestTimer) }
        interestTimer = time.map { time in
            runtime.timers.schedule(at: time) { [weak self, bell] in
                bell.execute { [weak self] in self?.assumeIsolated { $0.updateInterest() } }
            }
        }
    }

    /// Whether the socket is not read.
    ///
    /// While an answer of the broker is awaited it is read on, as far as the backlog may go: what a reader that is behind
    /// waits for may be that answer.
    var isDeaf: Bool {
        guard keeper.isUp, gate.isClosed || isResting else { return false }
        return !awaitsAnswer || !backlog.hasRoom
    }

    private var awaitsAnswer: Bool { inFlight.count > 0 || subscriptions.awaitsAnswer || runtime.hasCallsInFlight }

    private func scheduleTick() {
        stopTicking()
        guard let keepAlive else { return }
        ticker = runtime.timers.schedule(at: runtime.timers.now + keepAlive.tick) { [weak self, bell] in
            bell.execute { [weak self] in self?.assumeIsolated { $0.tick() } }
        }
    }

    private func stopTicking() {
        if let ticker { runtime.timers.cancel(ticker) }
        ticker = nil
    }

    private func tick() {
        guard keeper.isUp, let verdict = keepAlive?.check(runtime.timers.now, isDeaf: isDeaf) else { return }
        scheduleTick()
        attend {
            switch verdict {
            case .nothing: break
            case .ping: try client.keepAlive()
            // Something that every broker takes from every client, and that means nothing to it.
            case .nudge: _ = client.unsubscribe(from: Subscriptions.nothing)
            case .dead:
                throw MessagingError(
                    .connectionLost,
                    "nothing was heard of the broker for one and a half times the keep-alive interval"
                )
            }
        }
    }

    // MARK: The link is lost

    func linkIsLost(_ error: MessagingError) {
        subscriptions.linkIsLost(error)
        findCulprit(error)
        renewClient()
        dropUnguaranteed(error)
    }

    /// Lets go of the socket, without a word to the broker.
    func releaseLink() {
        watch?.cancel()
        watch = nil
        stopTicking()
        look(again: nil)
        keepAlive = nil
        // It reads what has come until then.
        client.abort()
        tellConfirmed()
    }

    // MARK: The end

    func writeAccepted() {
        attend { try send() }
    }

    func sayGoodbye(until deadline: Duration) async {
        client.disconnect()
        attend {}
        await write(until: deadline, while: { !client.hasEnded && client.wantsToWrite }) {}
    }

    func end(_ error: MessagingError) {
        subscriptions.linkIsLost(error)
        let unsent = inFlight.removeAll() + first + outbox.close(error)
        first.removeAll()
        for outgoing in unsent { outgoing.confirmation?.end(.failure(error)) }
        subscriptions.finishAll(error.code == .connectionClosed ? nil : error)
    }
}
