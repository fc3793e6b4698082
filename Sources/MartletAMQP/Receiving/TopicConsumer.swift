import Martlet
import MartletTransport

/// A topic's subscriber: a queue of its own, bound to the exchange.
///
/// Without a guarantee the queue is the link's and goes with it. With one it outlives links for some minutes, so that what
/// is published while the link is away comes afterwards; it is deleted when the subscription is left. The queue of a group
/// is that of all its members: it goes some time after the last of them.
///
/// What is in the mailbox is acknowledged, at the latest after ``settlingTime``. A reader that pauses holds the rest back: if
/// it still does after that time, the consumer is cancelled, and what waits outside of the mailbox is acknowledged as well,
/// since nothing more comes. When there is room the queue is consumed again. So nothing is ever open for long, which the
/// broker would answer by closing the channel.
final class TopicConsumer: QueueReading {
    /// How long a queue waits for a link that was lost: with a guarantee, and that of a group without one.
    private static let patience = (guaranteed: Duration.seconds(300), group: Duration.seconds(60))
    /// After what time a delivery is acknowledged at the latest. Much less than the broker's limit, which it does not tell:
    /// by default that is half an hour.
    private static let settlingTime = Duration.seconds(1)
    /// How often it is looked whether a queue is there that is not consumed. One that is looked at is in use.
    private static let lookingTime = Duration.seconds(20)

    private enum Phase {
        case flowing
        /// The broker was told to send no more.
        case pausing
        /// The broker sends no more.
        case paused
    }

    var id = 0
    let mailbox: Mailbox<Delivery>
    private let pattern: TopicPattern
    private let binding: TopicBinding
    /// Whether the pattern has no wildcards, so that the topic need not be told.
    private let knowsTopic: Bool
    private let options: SubscribeOptions
    /// The name that is kept, with a guarantee.
    private let lastingQueue: String?
    /// That of a group.
    private let sharedQueue: String?
    /// Whether something waits outside of the mailbox: nothing is acknowledged until it is in.
    private let backUps: BackUps
    private let attachment: Attachment
    private var queue = ""
    private var phase = Phase.flowing
    private var timer: Timers.ID?
    /// The latest delivery, and how many are not acknowledged.
    private var lastTag: UInt64 = 0
    private var unacknowledged = 0
    /// How many were handed on by a channel that is gone, and come again.
    private var alreadyHandedOn = 0

    /// - Throws: `MessagingError.Code.invalidArgument` for a group whose queue has too long a name.
    init(_ pattern: TopicPattern, _ binding: TopicBinding, _ options: SubscribeOptions, on session: AMQPSession) throws
    {
        self.pattern = pattern
        self.binding = binding
        self.options = options
        knowsTopic = !pattern.hasWildcards
        sharedQueue = options.group.map { "martlet.group.\($0).\(binding.keys[0])" }
        if let sharedQueue { try ShortText.check(sharedQueue, "the queue of a group") }
        lastingQueue = options.guarantee > .atMostOnce ? sharedQueue ?? UniqueName.make("martlet.topic") : nil
        attachment = Attachment(isOwn: sharedQueue == nil)
        let (weight, bell) = (session.runtime.waitingWeight, session.bell)
        let backUps = BackUps(maximumBytes: weight.limit, gate: session.gate)
        self.backUps = backUps
        mailbox = Mailbox(limit: options.limit, overflow: options.overflow, weight: weight) {
            backUps.begin()
        } onRoom: {
            backUps.end()
            bell.ring()
        }
    }

    /// Whether the broker has to be told what was taken, so that it holds back the rest.
    private var acknowledges: Bool { options.overflow == .suspend || lastingQueue != nil }

    /// How many deliveries may be open.
    private var prefetch: Int { acknowledges ? min(Int(UInt16.max), min(options.limit, Int(UInt16.max)) + leeway) : 0 }

    /// How many deliveries may be told together. One acknowledgement costs the broker as much as some deliveries do, and a
    /// queue that goes with the link delivers nothing again; that of a group does, to another member.
    private var leeway: Int {
        lastingQueue == nil && sharedQueue == nil ? min(options.limit, Int(UInt16.max)) / 2 : 0
    }

    var losesWithLink: Bool { lastingQueue == nil && sharedQueue == nil }

    // MARK: Opening

    func open(on session: isolated AMQPSession, _ completion: @escaping ((any Error)?) -> Void) {
        if queue.isEmpty { queue = lastingQueue ?? sharedQueue ?? UniqueName.make("martlet.topic") }
        attachment.open(request(session), for: self, on: session, completion)
    }

    private func request(_ session: isolated AMQPSession) -> Attachment.Request {
        var declared: AMQPQueue
        if lastingQueue != nil {
            declared = AMQPQueue(queue)
            declared.expiry = Self.patience.guaranteed
        } else if sharedQueue != nil {
            declared = .passing(queue, after: Self.patience.group)
        } else {
            // Not deleted with its consumer, which a reader that pauses has none of.
            declared = AMQPQueue(queue, isDurable: false, isExclusive: true)
        }
        return Attachment.Request(
            queue: declared,
            bindings: binding.methods(for: queue, to: session.options.exchange),
            prefetch: UInt16(prefetch),
            consumer: "topic",
            noAck: !acknowledges
        )
    }

    func opened(_ channel: Channel) {
        lastTag = 0
        unacknowledged = 0
        phase = .flowing
    }

    func queueWasGone(_ session: isolated AMQPSession) {
        alreadyHandedOn = 0
        session.runtime.count(
            \.gaps,
            "the queue of the subscription to \(pattern) was gone, with what waited in it, and was made again"
        )
    }

    func nodeWasAway(_ session: isolated AMQPSession) {
        session.runtime.count(
            \.gaps,
            "the node of the queue of the subscription to \(pattern) was away: what was published meanwhile did not arrive"
        )
    }

    // MARK: What comes

    func received(_ content: ContentAssembly.Content, on channel: Channel, of session: isolated AMQPSession) throws {
        guard case .delivery(let announcement) = content.announcement else { return }
        lastTag = max(lastTag, announcement.tag)
        if acknowledges {
            unacknowledged += 1
            try SettlementWindow.check(open: unacknowledged, prefetch: prefetch)
            if timer == nil { wake(after: Self.settlingTime, session) }
        }
        guard content.refusal == nil, !wasHandedOn(announcement), binding.isMeant(announcement) else { return }
        let topic = knowsTopic ? nil : announcement.topic
        guard knowsTopic || topic != nil else {
            return session.runtime.count(\.undecodable, "a message came whose routing key is no name")
        }
        let message: Message
        do {
            message = try WireFormat.message(content, from: .publication, session.runtime.wire)
        } catch {
            return session.runtime.count(\.undecodable, "a message of \(pattern) could not be read: \(error)")
        }
        // At once, not with what else is read: what comes behind by another way, such as the result of an action whose
        // feedback this is, is not to overtake it.
        let delivery = Delivery(topic: topic, message: message, redeliveries: announcement.isRedelivered ? 1 : 0)
        if case .parked = mailbox.offer(delivery, topic: delivery.topic) { backUps.add(bytes: message.weight) }
        session.consuming.countBacklog(bytes: message.weight, session)
    }

    /// Whether it is one of those that were handed on before their channel was gone: they come again before all others.
    private func wasHandedOn(_ announcement: ServerMethod.Delivery) -> Bool {
        guard alreadyHandedOn > 0 else { return false }
        guard announcement.isRedelivered else {
            alreadyHandedOn = 0
            return false
        }
        alreadyHandedOn -= 1
        return true
    }

    func readAll(on channel: Channel, of session: isolated AMQPSession) { goOn(session) }

    func work(_ session: isolated AMQPSession) {
        guard unacknowledged > 0 || phase == .paused else { return }
        session.attend { goOn(session) }
    }

    /// Acknowledges what is worth a word, and consumes again, if there is room.
    private func goOn(_ session: isolated AMQPSession) {
        guard !backUps.isBackedUp else { return }
        // That many more may be open, so that this holds back nothing.
        if unacknowledged > leeway { acknowledge(session) }
        if phase == .paused { resume(session) }
    }

    private func acknowledge(_ session: isolated AMQPSession) {
        guard unacknowledged > 0, let channel = attachment.channel else { return }
        unacknowledged = 0
        session.tell(.ack(tag: lastTag, multiple: true), on: channel)
    }

    // MARK: Time

    private func wake(after time: Duration, _ session: isolated AMQPSession) {
        if let timer { session.runtime.timers.cancel(timer) }
        timer = session.wake(self, after: time)
    }

    func wake(_ session: isolated AMQPSession) {
        timer = nil
        guard let channel = attachment.channel else { return }
        session.attend {
            switch phase {
            case .flowing where unacknowledged == 0: break
            case .flowing where backUps.isBackedUp: pause(session, on: channel)
            case .flowing: acknowledge(session)
            case .pausing: break
            case .paused:
                session.ask(.declareQueue(AMQPQueue(queue), passive: true), on: channel) { _ in }
                wake(after: Self.lookingTime, session)
            }
        }
    }

    private func pause(_ session: isolated AMQPSession, on channel: Channel) {
        phase = .pausing
        session.ask(.cancel(consumer: "topic"), on: channel) { [weak self] result in
            guard let self, attachment.channel === channel, case .success = result else { return }
            // All that was under way has come.
            phase = .paused
            acknowledge(session)
            wake(after: Self.lookingTime, session)
            goOn(session)
        }
    }

    private func resume(_ session: isolated AMQPSession) {
        guard let channel = attachment.channel else { return }
        phase = .flowing
        session.ask(request(session).consume, on: channel) { _ in }
    }

    // MARK: The end

    /// The queue is gone, or its node.
    func cancelled(_ consumer: String, on channel: Channel, of session: isolated AMQPSession) {
        session.publishing.post(.consumerCancelled(queue: queue))
        session.close(channel)
    }

    func ended(_ channel: Channel, _ error: MessagingError, linkIsLost: Bool, of session: isolated AMQPSession) {
        let goesWithLink = linkIsLost && losesWithLink
        guard attachment.ended(channel, looks: !goesWithLink) else { return }
        if let timer { session.runtime.timers.cancel(timer) }
        timer = nil
        if goesWithLink {
            queue = ""
            alreadyHandedOn = 0
        } else if sharedQueue == nil {
            alreadyHandedOn += unacknowledged
        }
        if !linkIsLost { attachment.openAgain(self, on: session) }
    }

    /// Ends it at the broker.
    func leave(_ session: isolated AMQPSession) {
        if let timer { session.runtime.timers.cancel(timer) }
        timer = nil
        guard let channel = attachment.leave() else { return }
        if sharedQueue == nil {
            session.ask(.deleteQueue(queue, ifUnused: false, ifEmpty: false), on: channel) { _ in }
        }
        session.close(channel)
    }

    /// A lasting queue would wait for a connection that does not come back.
    func sayGoodbye(_ session: isolated AMQPSession) {
        if lastingQueue != nil { leave(session) }
    }

    func finish(throwing error: (any Error)?) { mailbox.finish(throwing: error) }
}
