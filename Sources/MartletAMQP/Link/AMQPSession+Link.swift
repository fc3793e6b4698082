import Logging
import Martlet
import MartletTransport

/// Getting the link, keeping it, and noticing that it is gone.
extension AMQPSession {
    func openLink(to endpoint: Endpoint) throws {
        handshake = Handshake(options, name: runtime.name)
        let context = try options.tls.map { try TLSContext($0, host: endpoint.host) }
        let link = try Link(to: endpoint, tls: context)
        link.appendProtocolHeader()
        self.link = link
        watch = loop.watch(link.socket, for: link.interest(reads: true)) { [weak self] _ in
            self?.assumeIsolated { $0.socketReady() }
        }
    }

    /// The broker has accepted the link.
    func established(_ agreement: Handshake.Agreement) {
        handshake = nil
        self.agreement = agreement
        guard linkAnswered(), let interval = agreement.heartbeat else { return }
        heartbeat = LinkHeartbeat(interval: interval, now: runtime.timers.now)
        scheduleTick()
    }

    func linkIsOpen() {
        attend { try send() }
    }

    // MARK: The link is lost

    /// The link can't go on.
    func failed(_ error: any Error) {
        var error = error
        if keeper.state == .opening, (error as? MessagingError)?.code == .connectionLost,
            let hint = handshake?.silentEnd
        {
            error = MessagingError(.connectionLost, "the broker ended the link; \(hint)", cause: error)
        }
        linkFailed(error)
    }

    func linkIsLost(_ error: MessagingError) {
        if consumers.values.contains(where: \.losesWithLink) {
            runtime.count(\.gaps, "the link was lost: what was published meanwhile did not arrive (\(error))")
        }
        endChannels(MessagingError(.connectionLost, error.message, cause: error.cause))
        dropUnguaranteed()
    }

    func endChannels(_ error: MessagingError) {
        knownQueues.removeAll()
        undeclared = 0
        let ended = channels.values.sorted { $0.number < $1.number }
        for channel in ended {
            takeBackUnconfirmed(of: channel, error)
            end(channel, error, linkIsLost: true)
        }
        channels.removeAll()
    }

    func releaseLink() {
        watch?.cancel()
        watch = nil
        if let ticker { runtime.timers.cancel(ticker) }
        ticker = nil
        heartbeat = nil
        handshake = nil
        link = nil
        channelsRead.removeAll()
        if blockedReason != nil { setBlocked(nil) }
        goodbye?.end(.success(()))
    }
}
