import Logging
import Martlet
import MartletTransport

/// The connection's last will, which AMQP does not know: made of what it has.
///
/// The will lies in a queue whose messages are worthless at once and then go, as dead letters, to the will's topic. What keeps
/// it from that is that this connection has taken it, and has not done with it: it is acknowledged in a transaction that is
/// never committed. So the broker does not count it among the deliveries that a client has held for too long, and when the
/// connection is lost, and the transaction with it, takes it back, finds it expired, and publishes it. The queue itself goes
/// a minute later.
final class WillKeeper: Restorable, ChannelOwner {
    static let fixedID = -2
    var id = WillKeeper.fixedID
    private let will: Will
    private var channel: Channel?
    private(set) var queue = ""
    private var reopening = Reopening()
    private var isWithdrawn = false
    private var hasWarned = false

    init(_ will: Will) {
        self.will = will
    }

    func open(on session: isolated AMQPSession, _ completion: @escaping ((any Error)?) -> Void) {
        guard channel == nil, !isWithdrawn else { return completion(nil) }
        do {
            let channel = try session.openChannel(self)
            self.channel = channel
            queue = UniqueName.make("martlet.will")
            var declared = AMQPQueue.passing(queue, after: .seconds(60))
            declared.messageExpiry = .zero
            declared.deadLetterExchange = session.options.exchange
            declared.deadLetterRoutingKey = try session.runtime.names.topic(will.topic)
            let (properties, body) = try WireFormat.content(of: will.message, session.runtime.wire)
            let publish = AMQPPublish(
                exchange: "",
                routingKey: queue,
                isMandatory: false,
                properties: properties,
                body: body
            )
            let consume = ClientMethod.consume(
                queue: queue,
                consumer: "will",
                noAck: false,
                exclusive: true,
                arguments: [:]
            )
            session.ask([.declareQueue(declared, passive: false), consume], on: channel) { _ in }
            try session.wire.link?.append(publish, channel: channel.number)
            // If one of those before is refused it is, too.
            session.ask(.transactionSelect, on: channel) { [weak self] result in
                guard let self else { return }
                switch result {
                case .success:
                    reopening.opened()
                    hasWarned = false
                    completion(nil)
                case .failure(let error): failed(error, session, completion)
                }
            }
        } catch {
            failed(error, session, completion)
        }
    }

    private func failed(
        _ error: any Error,
        _ session: isolated AMQPSession,
        _ completion: @escaping ((any Error)?) -> Void
    ) {
        if session.keeper.isUp {
            session.runtime.logger.log(
                level: hasWarned ? .debug : .warning,
                "the will is not with the broker: \(error)"
            )
            hasWarned = true
        }
        completion(error)
    }

    /// The will has come into the connection's hands. What was asked before makes this a transaction's.
    func received(_ content: ContentAssembly.Content, on channel: Channel, of session: isolated AMQPSession) {
        guard case .delivery(let announcement) = content.announcement else { return }
        session.tell(.ack(tag: announcement.tag, multiple: false), on: channel)
    }

    /// The connection ends in order: nothing is to be published.
    func sayGoodbye(_ session: isolated AMQPSession) {
        isWithdrawn = true
        guard let channel else { return }
        session.ask(.deleteQueue(queue, ifUnused: false, ifEmpty: false), on: channel) { _ in }
    }

    /// Its queue was deleted, or is on a node that is gone.
    func cancelled(_ consumer: String, on channel: Channel, of session: isolated AMQPSession) {
        session.close(channel)
    }

    /// Without the channel the will is not with the broker any more. As long as the link is there, it is left there anew.
    func ended(_ channel: Channel, _ error: MessagingError, linkIsLost: Bool, of session: isolated AMQPSession) {
        guard self.channel === channel else { return }
        self.channel = nil
        guard !linkIsLost, !isWithdrawn, let attempt = reopening.next() else { return }
        session.openAgain(self, attempt: attempt)
    }

    func finish(throwing error: (any Error)?) {}
}
