import Logging
import Martlet
import Synchronization

/// Where replies to the connection's calls come.
///
/// With the broker's direct reply-to nothing is declared, but its consumer is not told the address that others are to
/// send to: it is what the broker makes of the property `reply_to` of the consumer's own messages. So it sends one that can't
/// be routed, and reads the address in what the broker returns. Afterwards the address can be used from any channel, and told
/// to anyone.
final class ReplyConsumer: Restorable, ChannelOwner {
    static let pseudoQueue = "amq.rabbitmq.reply-to"

    static let fixedID = -1
    var id = ReplyConsumer.fixedID
    let address = Address()
    private let receive: @Sendable (Message, String) -> Void
    private var channel: Channel?
    private var reopening = Reopening()
    /// Told when the address is known.
    private var onAddress: (((any Error)?) -> Void)?

    /// The address of the moment, for any thread.
    final class Address: Sendable {
        private let text = Mutex("")

        var current: String { text.withLock { $0 } }
        fileprivate func set(_ address: String) { text.withLock { $0 = address } }
    }

    init(_ receive: @escaping @Sendable (Message, String) -> Void) {
        self.receive = receive
    }

    func open(on session: isolated AMQPSession, _ completion: @escaping ((any Error)?) -> Void) {
        guard channel == nil else { return completion(nil) }
        do {
            let channel = try session.openChannel(self)
            self.channel = channel
            switch session.options.replies {
            case .direct: try openDirect(channel, session, completion)
            case .queue: openQueue(channel, session, completion)
            }
        } catch {
            completion(error)
            openAgain(session)
        }
    }

    private func opened(_ address: String) {
        reopening.opened()
        self.address.set(address)
    }

    private func openQueue(
        _ channel: Channel,
        _ session: isolated AMQPSession,
        _ completion: @escaping ((any Error)?) -> Void
    ) {
        let name = UniqueName.make("martlet.replies")
        let queue = AMQPQueue(name, isDurable: false, isExclusive: true, isAutoDeleted: true)
        session.ask(
            [.declareQueue(queue, passive: false), consume(name)],
            on: channel
        ) { [weak self] result in
            guard let self else { return }
            switch result {
            case .success:
                opened(name)
                completion(nil)
            case .failure(let error): completion(error)
            }
        }
    }

    private func openDirect(
        _ channel: Channel,
        _ session: isolated AMQPSession,
        _ completion: @escaping ((any Error)?) -> Void
    ) throws {
        // The rest follows when the broker returns the message, or ends the channel.
        onAddress = completion
        session.ask(consume(Self.pseudoQueue), on: channel) { _ in }
        try session.wire.link?.append(
            AMQPPublish(
                exchange: "",
                routingKey: UniqueName.make("martlet.probe"),
                isMandatory: true,
                properties: AMQPProperties(replyTo: Self.pseudoQueue),
                body: []
            ),
            channel: channel.number
        )
    }

    /// The message that was sent to learn the address.
    func returned(
        _ content: ContentAssembly.Content,
        _ returned: ServerMethod.Returned,
        on channel: Channel,
        of session: isolated AMQPSession
    ) {
        guard let completion = onAddress.take() else { return }
        guard let address = content.properties.replyTo, address != Self.pseudoQueue else {
            return completion(
                MessagingError(.unsupported, "the broker has no direct reply-to; use the option replies .queue")
            )
        }
        opened(address)
        completion(nil)
    }

    private func consume(_ queue: String) -> ClientMethod {
        .consume(queue: queue, consumer: "replies", noAck: true, exclusive: true, arguments: [:])
    }

    func received(_ content: ContentAssembly.Content, on channel: Channel, of session: isolated AMQPSession) {
        if let refusal = content.refusal {
            if let call = content.properties.correlationID { session.runtime.failCall(call, refusal) }
            return
        }
        do {
            receive(try WireFormat.message(content, from: .call, session.runtime.wire), address.current)
        } catch {
            session.runtime.count(\.undecodable, "a reply could not be read: \(error)")
        }
    }

    func cancelled(_ consumer: String, on channel: Channel, of session: isolated AMQPSession) {
        session.close(channel)
    }

    func ended(_ channel: Channel, _ error: MessagingError, linkIsLost: Bool, of session: isolated AMQPSession) {
        guard self.channel === channel else { return }
        self.channel = nil
        onAddress.take()?(error)
        guard !linkIsLost else { return }
        // Replies to the calls that wait go to an address that is gone.
        if reopening.hasBeenOpen { session.runtime.failCalls(error) }
        openAgain(session)
    }

    private func openAgain(_ session: isolated AMQPSession) {
        guard let attempt = reopening.next() else { return }
        session.openAgain(self, attempt: attempt)
    }

    func finish(throwing error: (any Error)?) {}
}
