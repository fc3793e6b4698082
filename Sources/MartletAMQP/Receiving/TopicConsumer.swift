import Martlet
import MartletTransport

/// A topic's subscriber: a queue of its own, bound to the exchange.
///
/// Without a guarantee the queue is the link's and goes with it. With one it outlives links for some minutes, so that what
/// is published while the link is away comes afterwards; it is deleted when the subscription is left. The queue of a group
/// is that of all its members: it goes when the last of them does, or, with a guarantee, waits for the next one.
final class TopicConsumer: Restorable, ChannelOwner {
    /// How long a queue waits for a link that was lost.
    private static let patience = Duration.seconds(300)

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
    private var channel: Channel?
    private var queue = ""
    private var hasLeft = false
    private var reopening = Reopening()
    /// The latest delivery, and the latest that was acknowledged.
    private var lastTag: UInt64 = 0
    private var acknowledged: UInt64 = 0

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

    func open(on session: isolated AMQPSession, _ completion: @escaping ((any Error)?) -> Void) {
        open(on: session, attempt: 1, completion)
    }

    /// - Parameter attempt: the second one uses the group's queue as another member has declared it, the third one
    ///   declares it again if that was the last member.
    private func open(
        on session: isolated AMQPSession,
        attempt: Int,
        _ completion: @escaping ((any Error)?) -> Void
    ) {
        guard !hasLeft, channel == nil else { return completion(nil) }
        do {
            let channel = try session.openChannel(self)
            self.channel = channel
            lastTag = 0
            acknowledged = 0
            queue = lastingQueue ?? sharedQueue ?? UniqueName.make("martlet.topic")
            var declared = AMQPQueue(queue, isDurable: lastingQueue != nil)
            if lastingQueue == nil {
                declared.isExclusive = sharedQueue == nil
                declared.isAutoDeleted = true
            } else {
                declared.expiry = Self.patience
            }
            let prefetch = UInt16(clamping: min(options.limit, Int(UInt16.max)) + leeway)
            var methods: [ClientMethod] = [.declareQueue(declared, passive: attempt == 2)]
            methods += binding.methods(for: queue, to: session.options.exchange)
            methods.append(.qos(prefetch: acknowledges ? max(1, prefetch) : 0, isGlobal: false))
            methods.append(
                .consume(queue: queue, consumer: "", noAck: !acknowledges, exclusive: false, arguments: [:])
            )
            session.ask(methods, on: channel) { [weak self] result in
                guard let self else { return }
                switch result {
                case .success:
                    reopening.opened()
                    completion(nil)
                case .failure(let error as MessagingError) where isWorthAnother(attempt, after: error):
                    self.channel = nil
                    open(on: session, attempt: attempt + 1, completion)
                case .failure(let error): completion(error)
                }
            }
        } catch {
            completion(error)
            openAgain(session)
        }
    }

    /// Whether the queue of a group is declared otherwise, or went before it could be used.
    private func isWorthAnother(_ attempt: Int, after error: MessagingError) -> Bool {
        guard sharedQueue != nil, attempt < 3, let code = error.amqpReplyCode else { return false }
        return code == AMQPReplyError.preconditionFailed || code == AMQPReplyError.notFound
    }

    func received(_ content: ContentAssembly.Content, on channel: Channel, of session: isolated AMQPSession) {
        guard case .delivery(let announcement) = content.announcement else { return }
        guard binding.isMeant(announcement) else {
            lastTag = announcement.tag
            return
        }
        let topic = knowsTopic ? nil : announcement.topic
        guard knowsTopic || topic != nil else {
            lastTag = announcement.tag
            return session.runtime.count(\.undecodable, "a message came whose routing key is no name")
        }
        let message: Message
        do {
            message = try WireFormat.message(content, from: .publication, session.runtime.wire)
        } catch {
            lastTag = announcement.tag
            return session.runtime.count(\.undecodable, "a message of \(pattern) could not be read: \(error)")
        }
        // At once, not with what else is read: what comes behind by another way, such as the result of an action whose
        // feedback this is, is not to overtake it.
        let delivery = Delivery(topic: topic, message: message, redeliveries: announcement.isRedelivered ? 1 : 0)
        if case .parked = mailbox.offer(delivery, topic: delivery.topic) { backUps.add(bytes: message.weight) }
        session.countBacklog(bytes: message.weight)
        lastTag = announcement.tag
    }

    func readAll(on channel: Channel, of session: isolated AMQPSession) {
        acknowledge(session)
    }

    func work(_ session: isolated AMQPSession) {
        guard lastTag > acknowledged else { return }
        session.attend { acknowledge(session) }
    }

    /// How many deliveries may be told together. One acknowledgement costs the broker as much as some deliveries do, and a
    /// queue that goes with the link delivers nothing again; that of a group does, to another member.
    private var leeway: Int {
        lastingQueue == nil && sharedQueue == nil ? min(options.limit, Int(UInt16.max)) / 2 : 0
    }

    private func acknowledge(_ session: isolated AMQPSession) {
        guard acknowledges, !backUps.isBackedUp, lastTag > acknowledged, let channel else { return }
        // That many more may be open, so that this holds back nothing.
        guard lastTag - acknowledged > UInt64(leeway) else { return }
        acknowledged = lastTag
        session.tell(.ack(tag: lastTag, multiple: true), on: channel)
    }

    func cancelled(_ consumer: String, on channel: Channel, of session: isolated AMQPSession) {
        session.events.post(.consumerCancelled(queue: queue))
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

    /// Ends it at the broker.
    func leave(_ session: isolated AMQPSession) {
        guard !hasLeft else { return }
        hasLeft = true
        guard let channel else { return }
        // What is not the link's own is deleted; what is goes when its consumer does.
        if let lastingQueue, sharedQueue == nil {
            session.ask(.deleteQueue(lastingQueue, ifUnused: false, ifEmpty: false), on: channel) { _ in }
        }
        session.close(channel)
    }

    /// A lasting queue would wait for a connection that does not come back.
    func sayGoodbye(_ session: isolated AMQPSession) { leave(session) }

    func finish(throwing error: (any Error)?) { mailbox.finish(throwing: error) }
}
