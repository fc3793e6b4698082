import Martlet
import MartletTransport
import Synchronization

/// A queue's consumer. The queue may be that of a durable subscription, which collects what is published.
///
/// When the broker has taken back what the reader has held for too long, it is consumed again once the reader asks for more:
/// what came earlier would only wait for it, and be taken back, too.
final class QueueConsumer: QueueReading {
    var id = 0
    let mailbox: Mailbox<Delivery>
    private let name: String
    /// Of a durable subscription.
    private let binding: TopicBinding?
    /// What is told as the topic: of a subscription by a pattern the one that a message was published to.
    private let topic: TopicName?
    private let isForRequests: Bool
    private let prefetch: Int
    private let attachment = Attachment(isOwn: false)
    /// Set while it waits for its reader.
    private let waitsForReader: ReaderWatch
    private var consumer = ""

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
        let (waitsForReader, bell, gate) = (ReaderWatch(), session.bell, session.gate)
        self.waitsForReader = waitsForReader
        // The broker sends no more than the prefetch allows, so that only its weight makes it full: the broker knows of none.
        mailbox = Mailbox(
            limit: prefetch,
            weight: session.runtime.waitingWeight,
            onFull: { gate.hold() },
            onRoom: { gate.letGo() },
            onWait: {
                if waitsForReader.isSet { bell.ring() }
            }
        )
    }

    func open(on session: isolated AMQPSession, _ completion: @escaping ((any Error)?) -> Void) {
        consumer = UniqueName.make(session.runtime.name.prefix(100).description)
        let queue = session.declaration(of: name, forRequests: isForRequests)
        if queue.kind == .stream { return completion(MessagingError.isStream(name)) }
        let request = Attachment.Request(
            queue: queue,
            bindings: binding?.methods(for: name, to: session.options.exchange) ?? [],
            prefetch: UInt16(clamping: prefetch),
            consumer: consumer,
            noAck: false
        )
        attachment.open(request, for: self, on: session, completion)
    }

    var consumedQueues: [String] { [name] }

    func opened(_ channel: Channel) {
        channel.window = SettlementWindow()
        waitsForReader.isSet = false
    }

    func received(_ content: ContentAssembly.Content, on channel: Channel, of session: isolated AMQPSession) throws {
        guard case .delivery(let announcement) = content.announcement else { return }
        channel.unsettled += 1
        do {
            try SettlementWindow.check(open: channel.unsettled, prefetch: prefetch)
        } catch let error as MessagingError where content.properties.seemOfStream {
            // A stream's come in chunks, whatever the prefetch is. That it is one the broker has not said before.
            return end(MessagingError.isStream(name, cause: error), session)
        }
        channel.window?.delivered(announcement.tag)
        var redeliveries = announcement.isRedelivered ? 1 : 0
        if let count = content.properties.headers?["x-delivery-count"]?.integer {
            redeliveries = max(redeliveries, Int(clamping: count))
        }
        let settlement = Settlement(announcement.tag, by: channel.settler)
        if content.refusal != nil {
            try? settlement.settle(as: .reject)
            return
        }
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
        if case .parked = mailbox.offer(delivery, topic: delivery.topic) {
            session.consuming.countBacklog(bytes: delivery.message.weight, session)
        }
    }

    /// It ends for good.
    private func end(_ error: MessagingError, _ session: isolated AMQPSession) {
        _ = session.consuming.removeConsumer(id)
        if let channel = attachment.leave() { session.close(channel) }
        mailbox.finish(throwing: error)
    }

    func cancelled(_ consumer: String, on channel: Channel, of session: isolated AMQPSession) {
        session.publishing.post(.consumerCancelled(queue: name))
        session.close(channel)
    }

    func ended(_ channel: Channel, _ error: MessagingError, linkIsLost: Bool, of session: isolated AMQPSession) {
        guard attachment.ended(channel, looks: !linkIsLost) else { return }
        // They come again: what waits here of them is worth nothing.
        mailbox.removeStale()
        guard !linkIsLost else { return }
        // Callers are to find a responder in the meantime.
        if !isForRequests, error.amqpReplyCode == AMQPReplyError.preconditionFailed {
            waitsForReader.isSet = true
            work(session)
        } else {
            attachment.openAgain(self, on: session)
        }
    }

    func work(_ session: isolated AMQPSession) {
        guard waitsForReader.isSet, mailbox.hasReader else { return }
        waitsForReader.isSet = false
        attachment.openAgain(self, on: session)
    }

    /// A responder's queue goes with its last consumer; one of a queue that is meant to last was deleted by somebody.
    func queueWasGone(_ session: isolated AMQPSession) {
        guard isForRequests || binding != nil else { return }
        session.runtime.count(\.gaps, "the queue \(quoted(name)) was gone, with what waited in it, and was made again")
    }

    /// Who sends to a queue learns that it can't be had. Who publishes for a subscription does not.
    func nodeWasAway(_ session: isolated AMQPSession) {
        guard binding != nil else { return }
        session.runtime.count(
            \.gaps,
            "the node of the queue \(quoted(name)) was away: what was published meanwhile did not arrive"
        )
    }

    /// Ends it at the broker. What the reader holds can still be settled.
    func leave(_ session: isolated AMQPSession) {
        guard let channel = attachment.leave() else { return }
        session.ask(.cancel(consumer: consumer), on: channel) { _ in }
        session.drain(channel)
    }

    func finish(throwing error: (any Error)?) { mailbox.finish(throwing: error) }
}

/// A mark that the loop sets and that its reader's task looks at.
private final class ReaderWatch: Sendable {
    private let mark = Atomic(false)

    var isSet: Bool {
        get { mark.load(ordering: .sequentiallyConsistent) }
        set { mark.store(newValue, ordering: .sequentiallyConsistent) }
    }
}
