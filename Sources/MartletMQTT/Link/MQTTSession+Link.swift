import Martlet
import MartletMQTTWire
import MartletTransport
import Synchronization

/// Getting the link, keeping it, and noticing that it is gone.
extension MQTTSession {
    func openLink(to endpoint: Endpoint) throws {
        guard case .tcp(let address, let host) = endpoint else { throw MessagingError.offline }
        client.delegate = self
        handshake.begin(at: options.servers.firstIndex { $0.host == host && $0.port == address.port } ?? 0)
        // The files are read anew for each link.
        let tls = try options.tls.map { try TLSContext($0, host: host) }
        try client.connect(to: address, keepAlive: options.keepAlive, tls: tls, connectProperties)
        reading.begin(self)
    }

    private var connectProperties: PropertyList {
        var properties = PropertyList()
        guard options.version == .v5 else { return properties }
        if case .persistent(let expiry) = options.session {
            // All ones: the session does not expire (MQTT 5, 3.1.2.11.2).
            let seconds = expiry.map { max(1, $0.components.seconds) } ?? Int64(UInt32.max)
            properties.add(.sessionExpiryInterval, UInt32(clamping: seconds))
        }
        if let size = options.maximumPacketSize { properties.add(.maximumPacketSize, UInt32(clamping: size)) }
        return properties
    }

    /// The broker has accepted the link.
    private func established(_ acknowledgement: ConnectAcknowledgement) {
        handshake.isEstablished(acknowledgement)
        publishing.linkBegins(acknowledgement, options)
        limits.withLock { $0 = acknowledgement.limits }
        pulse.start(acknowledgement.keepAlive ?? options.keepAlive, self)
    }

    /// Subscribes again, and begins to send; returns when the broker has answered to all: what others publish from then on is
    /// not missed.
    ///
    /// That holds for a kept session as well: a broker may have lost some of it, or have it from another time. But what it has
    /// kept comes before its answers, and readers may be slow: so after a second the link is taken for restored.
    func restoreLink() async throws {
        guard let broker = handshake.broker else { throw MessagingError.offline }
        let restored = subscriptions.restore(at: handshake.server, broker)
        attend {
            try subscriptions.tell(client)
            try publishing.begin(self)
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

    var traffic: LinkTraffic { client.traffic }

    // MARK: Events

    /// Does something with the library, and then what follows from it: the socket is watched for what is wanted now,
    /// or the link is found to be lost.
    func attend(_ body: () throws -> Void) {
        do {
            defer { publishing.tellConfirmed() }
            try body()
            if keeper.isUp { try subscriptions.tell(client) }
            try client.flush()
            if publishing.hasRoomAgain(self) { bell.ring() }
            reading.updateInterest(self)
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
            handshake.refusal
                ?? handshake.farewell.map { MessagingError(disconnectReason: $0, client.farewell) } ?? error
        )
    }

    func socketReady(_ ready: Interest) {
        pulse.heard(runtime.timers.now)
        attend {
            guard try client.advance() else { return }
            if client.canRead(ready) { try reading.receive(self) }
            // A confirmation makes room for the next, and so does what was written.
            try publishing.send(self)
        }
        concludeOpening()
        keeper.progressed()
    }

    private var isOpening: Bool { keeper.state == .opening }

    /// Does what follows from the broker's answer, in the same turn of the loop that has read it: whatever the socket
    /// tells next is said of an open link.
    private func concludeOpening() {
        guard isOpening else { return }
        if let refusal = handshake.refusal { return linkFailed(refusal) }
        guard let acknowledgement = handshake.takeAnswer() else { return }
        if linkAnswered() { established(acknowledgement) }
    }

    // MARK: The link is lost

    func linkIsLost(_ error: MessagingError) {
        subscriptions.linkIsLost(error)
        publishing.findCulprit(error, self)
        publishing.renewClient(self)
        publishing.dropUnguaranteed(error, self)
    }

    /// Lets go of the socket, without a word to the broker.
    func releaseLink() {
        reading.end(self)
        pulse.stop(self)
        // It reads what has come until then.
        client.abort()
        publishing.tellConfirmed()
    }

    // MARK: The end

    var hasUnwritten: Bool { publishing.hasUnwritten(self) }

    func writeAccepted() {
        attend { try publishing.send(self) }
    }

    func sayGoodbye(until deadline: Duration) async {
        client.disconnect()
        attend {}
        // The broker ends the link once it has heard that. Closed before, with something unread, the socket would take back what
        // the broker has not read yet.
        await write(until: deadline, while: { keeper.state == .closing }) {}
    }

    func end(_ error: MessagingError) {
        subscriptions.linkIsLost(error)
        publishing.end(error, self)
        subscriptions.finishAll(error.code == .connectionClosed ? nil : error)
    }
}
