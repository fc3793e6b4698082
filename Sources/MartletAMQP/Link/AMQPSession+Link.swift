import Martlet
import MartletTransport

/// Getting the link, and noticing that it is gone.
extension AMQPSession {
    func openLink(to endpoint: Endpoint) throws { try wire.open(to: endpoint, for: self) }

    func linkIsOpen() {
        attend { try publishing.send(self) }
    }

    var traffic: LinkTraffic { wire.link?.traffic ?? LinkTraffic() }

    // MARK: The link is lost

    /// The link can't go on.
    func failed(_ error: any Error) {
        var error = error
        if keeper.state == .opening, (error as? MessagingError)?.code == .connectionLost, let hint = wire.silentEnd {
            error = MessagingError(.connectionLost, "the broker ended the link; \(hint)", cause: error)
        }
        linkFailed(error)
    }

    func linkIsLost(_ error: MessagingError) {
        if consuming.losesWithLink {
            runtime.count(\.gaps, "the link was lost: what was published meanwhile did not arrive (\(error))")
        }
        endChannels(MessagingError(.connectionLost, error.message, cause: error.cause))
        publishing.dropUnguaranteed(self)
    }

    func endChannels(_ error: MessagingError) {
        declarations.linkIsLost()
        for channel in channels.all {
            publishing.takeBackUnconfirmed(of: channel, error)
            end(channel, error, linkIsLost: true)
        }
    }

    func releaseLink() {
        wire.release(self)
        publishing.release(self)
    }
}
