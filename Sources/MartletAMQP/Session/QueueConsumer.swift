import Martlet
import MartletIO

/// A queue's consumer. The queue may be that of a durable subscription, which collects what is published.
final class QueueConsumer: Restorable, ChannelOwner {
    var id = 0
    let mailbox: Mailbox<Delivery>
    private let name: String
    /// Of a durable subscription.
    private let pattern: TopicPattern?
    /// What is told as the topic: of a subscription by a pattern the one that a message was published to.
    private let topic: TopicName?
    private let declared: AMQPQueue
    private let prefetch: Int
    private var channel: Channel?
    private var consumer = ""
    private var isOpen = false
    private var hasLeft = false
    private var attempts = 0

    convenience init(_ name: QueueName, _ declared: AMQPQueue, prefetch: Int) {
        self.init(name.text, declared, prefetch: prefetch, pattern: nil, topic: TopicName(name))
    }

    /// The durable subscription of a name.
    convenience init(_ declared: AMQPQueue, subscribedTo pattern: TopicPattern, prefetch: Int) {
        let topic = pattern.hasWildcards ? nil : TopicName(pattern.text)
        self.init(declared.name, declared, prefetch: prefetch, pattern: pattern, topic: topic)
    }

    private init(_ name: String, _ declared: AMQPQueue, prefetch: Int, pattern: TopicPattern?, topic: TopicName?) {
        self.name = name
        self.declared = declared
        self.prefetch = prefetch
        self.pattern = pattern
        self.topic = topic
        // The broker sends no more than the prefetch allows, so that nothing ever waits outside.
        mailbox = Mailbox(limit: prefetch, overflow: .suspend)
    }

    func open(on session: isolated AMQPSession, _ completion: @escaping ((any Error)?) -> Void) {
        open(on: session, passive: false, completion)
    }

    private func open(
        on session: isolated AMQPSession,
        passive: Bool,
        _ completion: @escaping ((any Error)?) -> Void
    ) {
        guard !hasLeft, channel == nil else { return completion(nil) }
        do {
            let channel = try session.openChannel(self)
            self.channel = channel
            isOpen = false
            consumer = UniqueName.make(session.runtime.name.prefix(100).description)
            var methods: [ClientMethod] = [.declareQueue(declared, passive: passive)]
            if let pattern {
                let binding = AMQPBinding(from: session.options.exchange, to: name, routingKey: pattern.text)
                methods.append(.bindQueue(binding))
            }
            methods.append(.qos(prefetch: UInt16(clamping: prefetch), isGlobal: false))
            methods.append(
                .consume(queue: name, consumer: consumer, noAck: false, exclusive: false, arguments: [:])
            )
            session.ask(methods, on: channel) { [weak self] result in
                guard let self else { return }
                switch result {
                case .success:
                    isOpen = true
                    attempts = 0
                    completion(nil)
                case .failure(let error as MessagingError)
                where error.amqpReplyCode == AMQPReplyError.preconditionFailed && !passive:
                    // It exists, and is declared otherwise: by a peer, which is as good.
                    self.channel = nil
                    open(on: session, passive: true, completion)
                case .failure(let error): completion(error)
                }
            }
        } catch {
            completion(error)
        }
    }

    func received(_ content: ContentAssembly.Content, on channel: Channel, of session: isolated AMQPSession) {
        guard case .delivery(let announcement) = content.announcement else { return }
        channel.unsettled += 1
        var redeliveries = announcement.isRedelivered ? 1 : 0
        if let count = content.properties.headers?["x-delivery-count"]?.integer {
            redeliveries = max(redeliveries, Int(clamping: count))
        }
        let topic = topic ?? TopicName(announcement.routingKey)
        let delivery = Delivery(
            topic: topic,
            message: WireFormat.message(content, from: .publication),
            redeliveries: redeliveries,
            settlement: Settlement(announcement.tag, by: channel.settler)
        )
        _ = mailbox.offer(delivery, topic: topic)
    }

    func readAll(on channel: Channel, of session: isolated AMQPSession) {}
    func work(_ session: isolated AMQPSession) {}

    func cancelled(_ consumer: String, on channel: Channel, of session: isolated AMQPSession) {
        session.events.post(.consumerCancelled(queue: name))
        session.close(channel)
    }

    func ended(_ channel: Channel, _ error: MessagingError, linkIsLost: Bool, of session: isolated AMQPSession) {
        guard self.channel === channel else { return }
        self.channel = nil
        guard !linkIsLost, !hasLeft, isOpen || attempts > 0 else { return }
        attempts += 1
        session.openAgain(self, attempt: attempts)
    }

    /// Ends it at the broker. What the reader holds can still be settled.
    func leave(_ session: isolated AMQPSession) {
        guard !hasLeft else { return }
        hasLeft = true
        guard let channel else { return }
        session.ask(.cancel(consumer: consumer), on: channel) { _ in }
        session.drain(channel)
    }

    func finish(throwing error: (any Error)?) { mailbox.finish(throwing: error) }
}
