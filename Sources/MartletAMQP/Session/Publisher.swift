import Martlet

/// The channel by which the verbs publish. It always confirms: what has a guarantee is kept until the broker has.
final class Publisher: ChannelOwner {
    private(set) var channel: Channel?
    /// The broker has closed the channel for one of so many messages, and did not say which: they are sent again one at a
    /// time, until it is found.
    var suspects = 0

    func open(on session: isolated AMQPSession) throws {
        let channel = try session.openChannel(self)
        channel.confirms = ConfirmWindow()
        session.ask(.confirmSelect, on: channel) { _ in }
        self.channel = channel
    }

    func received(_ content: ContentAssembly.Content, on channel: Channel, of session: isolated AMQPSession) {}
    func cancelled(_ consumer: String, on channel: Channel, of session: isolated AMQPSession) {}
    func readAll(on channel: Channel, of session: isolated AMQPSession) {}

    func ended(_ channel: Channel, _ error: MessagingError, linkIsLost: Bool, of session: isolated AMQPSession) {
        guard self.channel === channel else { return }
        self.channel = nil
        if linkIsLost {
            suspects = 0
            return
        }
        session.publisherRefused(channel, error)
    }
}
