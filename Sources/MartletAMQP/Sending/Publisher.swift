import Martlet

/// A channel by which the verbs publish. It confirms from the first message with a guarantee on, which is kept until the
/// broker has: a channel that confirms does so for each message, and who publishes without a guarantee need not pay.
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
    ///
    /// - Parameter confirms: whether it has to confirm what is published from now on.
    func open(on session: isolated AMQPSession, confirms: Bool) throws -> Channel {
        let channel = try channel ?? session.openChannel(self)
        self.channel = channel
        if confirms, channel.confirms == nil {
            channel.confirms = ConfirmWindow()
            session.ask(.confirmSelect, on: channel) { _ in }
        }
        return channel
    }

    /// Closes the channel, of which all publishes are concluded.
    func close(_ session: isolated AMQPSession) {
        guard let channel else { return }
        self.channel = nil
        session.close(channel)
    }

    /// That a request can't be routed ends its call.
    func returned(
        _ content: ContentAssembly.Content,
        _ returned: ServerMethod.Returned,
        on channel: Channel,
        of session: isolated AMQPSession
    ) {
        if origin == .calls {
            guard let call = content.properties.correlationID else { return }
            session.runtime.failCall(call, MessagingError(returned: returned, to: returned.routingKey))
        } else {
            channel.noteReturn(of: content, returned)
        }
    }

    func ended(_ channel: Channel, _ error: MessagingError, linkIsLost: Bool, of session: isolated AMQPSession) {
        guard self.channel === channel else { return }
        self.channel = nil
        if !linkIsLost { session.publishing.refused(channel, error, session) }
    }
}
