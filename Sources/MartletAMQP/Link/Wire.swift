import Martlet
import MartletTransport

/// The present link: its socket, what was agreed on with the broker, its heartbeat, and the farewell.
final class Wire {
    private(set) var link: Link?
    /// What was agreed on; of the latest link, if there is none.
    private(set) var agreement: Handshake.Agreement?
    private var watch: Watch?
    private var handshake: Handshake?
    private var heartbeat: LinkHeartbeat?
    private var ticker: Timers.ID?
    /// Told when the broker has heard the goodbye, or the link is gone.
    private var goodbye: Promise<Void>?
    /// There may be more to read, of which the socket says nothing.
    private var hasUnread = false
    /// There is more to send, which the socket had no room for.
    private var isHeldUp = false

    /// What a broker may have meant that has ended the link in the handshake without a word.
    var silentEnd: String? { handshake?.silentEnd }

    // MARK: Opening

    func open(to endpoint: Endpoint, for session: isolated AMQPSession) throws {
        handshake = Handshake(session.options, name: session.runtime.name)
        let context = try session.options.tls.map { try TLSContext($0, host: endpoint.host) }
        let link = try Link(to: endpoint, tls: context)
        link.appendProtocolHeader()
        self.link = link
        watch = session.loop.watch(link.socket, for: link.interest(reads: true)) { [weak session] _ in
            session?.assumeIsolated { $0.socketReady() }
        }
    }

    /// A method of the connection's, while it is being opened.
    ///
    /// - Returns: whether the broker has accepted the link.
    func shakeHands(_ method: ServerMethod) throws -> Bool {
        guard var handshake else { return false }
        let step = try handshake.receive(method)
        self.handshake = handshake
        switch step {
        case .send(let methods):
            for method in methods { try link?.append(method, channel: 0) }
        case .tuned(let methods, let agreement):
            for method in methods { try link?.append(method, channel: 0) }
            link?.agree(frameMax: agreement.frameMax)
        case .done(let agreement):
            self.handshake = nil
            self.agreement = agreement
            return true
        }
        return false
    }

    // MARK: Reading and writing

    /// Writes what there is, as far as that goes.
    ///
    /// - Returns: whether there is room now for what was held up.
    func flush() -> Bool {
        guard let link else { return false }
        link.flush()
        // It has got room in this very moment, and so will not tell of it.
        guard isHeldUp, !link.wantsToWrite else { return false }
        isHeldUp = false
        return true
    }

    /// There is more to send than the socket has room for.
    func holdUp() { isHeldUp = true }

    /// Watches the socket for what is wanted now.
    func updateInterest(reads: Bool) {
        guard let watch, !watch.isCancelled, let link else { return }
        watch.interest = link.interest(reads: reads)
    }

    /// There may be more to read, of which the socket says nothing.
    func noteUnread() { hasUnread = true }

    /// Whether there may be more to read, once.
    func takeUnread() -> Bool {
        defer { hasUnread = false }
        return hasUnread
    }

    // MARK: The heartbeat

    func startHeartbeat(_ session: isolated AMQPSession) {
        guard let interval = agreement?.heartbeat else { return }
        heartbeat = LinkHeartbeat(interval: interval, now: session.runtime.timers.now)
        scheduleTick(session)
    }

    private func scheduleTick(_ session: isolated AMQPSession) {
        if let ticker { session.runtime.timers.cancel(ticker) }
        guard let heartbeat else { return }
        let time = session.runtime.timers.now + heartbeat.tick
        ticker = session.later(at: time) { $0.wire.tick(time, $0) }
    }

    private func tick(_ time: Duration, _ session: isolated AMQPSession) {
        let timers = session.runtime.timers
        // This process did not run for a while, and what the broker has said has not been read yet.
        if let tick = heartbeat?.tick, timers.delay(since: time) > tick { heartbeat?.excuse(timers.now) }
        guard let link,
            let verdict = heartbeat?.check(
                read: link.bytesRead,
                written: link.bytesWritten,
                isDeaf: session.consuming.isDeaf(session),
                now: timers.now
            )
        else { return }
        scheduleTick(session)
        session.attend {
            switch verdict {
            case .nothing: break
            // One that waits to be written is enough: what says that we are here is that anything is.
            case .send: if !link.wantsToWrite { link.appendHeartbeat() }
            case .dead:
                throw MessagingError(.connectionLost, "nothing was heard of the broker for two heartbeats")
            }
        }
    }

    // MARK: The end

    /// - Returns: what is told when the broker has heard the goodbye; `nil` without a link.
    func sayGoodbye(_ session: isolated AMQPSession) -> Promise<Void>? {
        guard link != nil else { return nil }
        let answer = Promise<Void>()
        goodbye = answer
        session.attend { try link?.append(.connectionClose(code: 200, text: "done"), channel: 0) }
        return link == nil ? nil : answer
    }

    /// The broker has heard the goodbye.
    func goodbyeHeard() { goodbye?.end(.success(())) }

    func release(_ session: isolated AMQPSession) {
        watch?.cancel()
        watch = nil
        if let ticker { session.runtime.timers.cancel(ticker) }
        ticker = nil
        heartbeat = nil
        handshake = nil
        link = nil
        hasUnread = false
        isHeldUp = false
        goodbyeHeard()
    }
}
