import Martlet

/// Who is told of what happens on a channel, on the session's loop.
protocol ChannelOwner: AnyObject {
    /// A message for a consumer.
    ///
    /// - Throws: why the link can't go on: the broker keeps no bound.
    func received(_ content: ContentAssembly.Content, on channel: Channel, of session: isolated AMQPSession) throws
    /// A message that the broker returns, since it can't be routed.
    func returned(
        _ content: ContentAssembly.Content,
        _ returned: ServerMethod.Returned,
        on channel: Channel,
        of session: isolated AMQPSession
    )
    /// The broker cancelled a consumer: its queue is gone, or its node.
    func cancelled(_ consumer: String, on channel: Channel, of session: isolated AMQPSession)
    /// It was ended by the broker, or with its link.
    func ended(_ channel: Channel, _ error: MessagingError, linkIsLost: Bool, of session: isolated AMQPSession)
    /// Everything that could be read for now has been.
    func readAll(on channel: Channel, of session: isolated AMQPSession)
}

/// What most have nothing to do for.
extension ChannelOwner {
    func received(_ content: ContentAssembly.Content, on channel: Channel, of session: isolated AMQPSession) throws {}
    func returned(
        _ content: ContentAssembly.Content,
        _ returned: ServerMethod.Returned,
        on channel: Channel,
        of session: isolated AMQPSession
    ) {
        channel.noteReturn(of: content, returned)
    }
    func cancelled(_ consumer: String, on channel: Channel, of session: isolated AMQPSession) {}
    func readAll(on channel: Channel, of session: isolated AMQPSession) {}
}
