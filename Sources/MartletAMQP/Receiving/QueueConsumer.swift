import Martlet
import MartletTransport

/// A queue's consumer. The queue may be that of a durable subscription, which collects what is published.
final class QueueConsumer: Restorable, ChannelOwner {
    var id = 0
    let mailbox: Mailbox<Delivery>
    private let name: String
    /// Of a durable subscription.
    private let binding: TopicBinding?
    /// What is told as the topic: of a subscription by a pattern the one that a message was published to.
    private let topic: TopicName?
    private let isForRequests: Bool
    private let prefetch: Int
    private var channel: Channel?
    private var consumer = ""
    private var hasLeft = false
    private var reopening = Reopening()

    /// - Parameter name: the queue's on the wire.
    convenience init(
        _ name: String,
        of queue: QueueName,
        isForRequests: Bool,
        prefetch: Int,
        on session: AMQPSession
    ) {
        self.init(name, isForRequests, prefetch, nil, TopicName(queue), session)
    }

    /// The durable subscription of a name.
    convenience init(
        _ name: String,
        subscribedTo pattern: TopicPattern,
        _ binding: TopicBinding,
        prefetch: Int,
        on session: AMQPSession
    ) {
        self.init(name, false, prefetch, binding, pattern.onlyTopic, session)
    }

    private init(
        _ name: String,
        _ isForRequests: Bool,
        _ prefetch: Int,
        _ binding: TopicBinding?,
        _ topic: TopicName?,
        _ session: AMQPSession
    ) {
        self.name = name
        self.isForRequests = isForRequests
        self.prefetch = prefetch
        self.binding = binding
        self.topic = topic
        // The broker sends no more than the prefetch allows, so that only its weight makes it full: the broker knows of none.
        let gate = session.gate
        mailbox = Mailbox(
            limit: prefetch,
            weight: session.runtime.waitingWeight,
            onFull: { gate.hold() },
            onRoom: { gate.letGo() }
        )
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
            channel.window = SettlementWindow()
            self.channel = channel
            consumer = UniqueName.make(session.runtime.name.prefix(100).description)
            let declared = session.declaration(of: name, forRequests: isForRequests)
            var methods: [ClientMethod] = [.declareQueue(declared, passive: passive)]
            methods += binding?.methods(for: name, to: session.options.exchange) ?? []
            methods.append(.qos(prefetch: UInt16(clamping: prefetch), isGlobal: false))
            methods.append(
                .consume(queue: name, consumer: consumer, noAck: false, exclusive: false, arguments: [:])
            )
            session.ask(methods, on: channel) { [weak self] result in
                guard let self else { return }
                switch result {
                case .success:
                    reopening.opened()
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
            openAgain(session)
        }
    }

    func received(_ content: ContentAssembly.Content, on channel: Channel, of session: isolated AMQPSession) {
        guard case .delivery(let announcement) = content.announcement else { return }
        channel.unsettled += 1
        channel.window?.delivered(announcement.tag)
        var redeliveries = announcement.isRedelivered ? 1 : 0
        if let count = content.properties.headers?["x-delivery-count"]?.integer {
            redeliveries = max(redeliveries, Int(clamping: count))
        }
        let settlement = Settlement(announcement.tag, by: channel.settler)
        if let binding, !binding.isMeant(announcement) {
            try? settlement.settle(as: .ack)
            return
        }
        let told = topic == nil ? announcement.topic : nil
        guard topic != nil || told != nil else {
            session.runtime.count(\.undecodable, "a message came whose routing key is no name")
            try? settlement.settle(as: .reject)
            return
        }
        let message = Result { try WireFormat.message(content, from: .publication, session.runtime.wire) }
        let delivery = Delivery(
            topic: told,
            message: (try? message.get()) ?? Message(content.body),
            redeliveries: redeliveries,
            settlement: settlement
        )
        if case .failure(let error) = message {
            session.runtime.count(\.undecodable, "a message of \(topic ?? delivery.topic) could not be read: \(error)")
            try? delivery.nack(requeue: false)
            return
        }
        mailbox.offer(delivery, topic: delivery.topic)
    }

    func cancelled(_ consumer: String, on channel: Channel, of session: isolated AMQPSession) {
        session.events.post(.consumerCancelled(queue: name))
        session.close(channel)
    }

    func ended(_ channel: Channel, _ error: MessagingError, linkIsLost: Bool, of session: isolated AMQPSession) {
        guard self.channel === channel else { return }
        self.channel = nil
        if !linkIsLost { openAgain(session) }
    }

    private func openAgain(_ session: isolated AMQPSession) {
        guard !hasLeft, let attempt = reopening.next() else { return }
        session.openAgain(self, attempt: attempt)
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
