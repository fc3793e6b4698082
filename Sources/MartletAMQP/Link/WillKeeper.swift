import Martlet

/// The connection's last will, which AMQP does not know: made of what it has.
///
/// The will lies in a queue whose messages are worthless at once and then go, as dead letters, to the will's topic. What
/// keeps it from that is that this connection holds it unsettled: the broker takes it back when the connection is lost,
/// finds it expired, and publishes it. The queue itself goes a minute later.
final class WillKeeper: Restorable, ChannelOwner {
    var id = 0
    private let will: Will
    private var channel: Channel?
    private var queue = ""

    init(_ will: Will) {
        self.will = will
    }

    func open(on session: isolated AMQPSession, _ completion: @escaping ((any Error)?) -> Void) {
        guard channel == nil else { return completion(nil) }
        do {
            let channel = try session.openChannel(self)
            self.channel = channel
            queue = UniqueName.make("martlet.will")
            var declared = AMQPQueue(queue, isDurable: false)
            declared.messageExpiry = .zero
            declared.expiry = .seconds(60)
            declared.deadLetterExchange = session.options.exchange
            declared.deadLetterRoutingKey = try session.runtime.names.topic(will.topic)
            let (properties, body) = try WireFormat.content(of: will.message, session.runtime.wire)
            session.ask(.declareQueue(declared, passive: false), on: channel) { _ in }
            session.ask(
                .consume(queue: queue, consumer: "will", noAck: false, exclusive: true, arguments: [:]),
                on: channel
            ) { _ in }
            channel.confirms = ConfirmWindow()
            session.ask(.confirmSelect, on: channel) { result in
                if case .failure(let error) = result { completion(error) } else { completion(nil) }
            }
            try session.link?.append(
                AMQPPublish(
                    exchange: "",
                    routingKey: queue,
                    isMandatory: false,
                    properties: properties,
                    body: body
                ),
                channel: channel.number
            )
        } catch {
            completion(error)
        }
    }

    /// The connection ends in order: nothing is to be published.
    func withdraw(_ session: isolated AMQPSession) {
        guard let channel else { return }
        session.ask(.deleteQueue(queue, ifUnused: false, ifEmpty: false), on: channel) { _ in }
    }

    func ended(_ channel: Channel, _ error: MessagingError, linkIsLost: Bool, of session: isolated AMQPSession) {
        if self.channel === channel { self.channel = nil }
    }

    func finish(throwing error: (any Error)?) {}
}
