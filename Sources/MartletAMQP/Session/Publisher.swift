import Martlet

/// A channel by which the verbs publish. It always confirms: what has a guarantee is kept until the broker has.
///
/// There are two. When the broker closes the first one for one of many messages it does not say which; those who wait for
/// theirs send them again by the second one, which has one at a time, so that it is certain there. Meanwhile a new first
/// one serves all others.
final class Publisher: ChannelOwner {
    let origin: Outgoing.Origin
    private(set) var channel: Channel?

    init(_ origin: Outgoing.Origin) {
        self.origin = origin
    }

    /// The channel, opened if there is none.
    func open(on session: isolated AMQPSession) throws -> Channel {
        if let channel { return channel }
        let channel = try session.openChannel(self)
        channel.confirms = ConfirmWindow()
        session.ask(.confirmSelect, on: channel) { _ in }
        self.channel = channel
        return channel
    }

    /// Closes the channel, of which all publishes are concluded.
    func close(_ session: isolated AMQPSession) {
        guard let channel else { return }
        self.channel = nil
        session.close(channel)
    }

    func ended(_ channel: Channel, _ error: MessagingError, linkIsLost: Bool, of session: isolated AMQPSession) {
        guard self.channel === channel else { return }
        self.channel = nil
        if !linkIsLost { session.publisherRefused(channel, error) }
    }
}
