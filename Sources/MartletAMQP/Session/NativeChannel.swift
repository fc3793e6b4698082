import Martlet

/// A channel of the native API as its session keeps it.
final class NativeChannel: ChannelOwner {
    var channel: Channel?
    var failure: MessagingError?

    static var closed: MessagingError { MessagingError(.notRunning, "the channel is closed; open another one") }

    func received(_ content: ContentAssembly.Content, on channel: Channel, of session: isolated AMQPSession) {}
    func readAll(on channel: Channel, of session: isolated AMQPSession) {}
    func cancelled(_ consumer: String, on channel: Channel, of session: isolated AMQPSession) {}
    func ended(_ channel: Channel, _ error: MessagingError, linkIsLost: Bool, of session: isolated AMQPSession) {}
}
