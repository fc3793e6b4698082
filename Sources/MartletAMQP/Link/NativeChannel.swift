import Martlet
import MartletTransport
import OrderedCollections

/// A channel of the native API as its session keeps it: opened anew on each link, with its consumers.
final class NativeChannel: Restorable, ChannelOwner {
    /// One of its consumers.
    struct Consumer {
        let queue: String
        let options: AMQPConsumeOptions
        let inbox: Inbox<AMQPDelivery>
    }

    var id = 0
    private(set) var channel: Channel?
    /// Why it is no more.
    private(set) var failure: MessagingError?
    /// Whether what was open on it is open again.
    private(set) var isReady = false
    private let confirms: Bool
    private var consumers: [String: Consumer] = [:]
    /// The queues of consumers that have left, of which more may be under way.
    private var left: OrderedDictionary<String, String> = [:]
    private let kinds = QueueKinds()
    private var prefetch: UInt16?
    private var reopening = Reopening()
    /// Until when it is tried to open it again on this link.
    private var deadline: Duration?

    init(confirms: Bool) {
        self.confirms = confirms
    }

    static var closed: MessagingError { MessagingError(.notRunning, "the channel is closed; open another one") }

    func open(on session: isolated AMQPSession, _ completion: @escaping ((any Error)?) -> Void) {
        guard channel == nil, failure == nil else { return completion(failure) }
        var wanted: [ClientMethod] = []
        if confirms { wanted.append(.confirmSelect) }
        if let prefetch { wanted.append(.qos(prefetch: prefetch, isGlobal: true)) }
        for (tag, consumer) in consumers { wanted += methods(tag, consumer) }
        let isEmpty = wanted.isEmpty
        isReady = false
        do {
            let opened: Channel.Completion = { [weak self] result in
                if case .failure(let error) = result { return completion(error) }
                self?.isReady = true
                self?.deadline = nil
                self?.reopening.opened()
                // There may be publishes that wait for it.
                session.bell.ring()
                completion(nil)
            }
            let channel = try session.openChannel(self) { if isEmpty { opened($0) } }
            self.channel = channel
            if confirms { channel.confirms = ConfirmWindow() }
            session.ask(wanted, on: channel, opened)
        } catch {
            completion(error)
            if !openAgain(session, waits: false) { fail(error, session) }
        }
    }

    private func methods(_ tag: String, _ consumer: Consumer) -> [ClientMethod] {
        var methods: [ClientMethod] = []
        // RabbitMQ forgets the channel's bound when it is told a consumer's.
        if prefetch == nil {
            methods.append(.qos(prefetch: UInt16(clamping: consumer.options.prefetch), isGlobal: false))
        }
        methods.append(
            .consume(
                queue: consumer.queue,
                consumer: tag,
                noAck: consumer.options.noAck,
                exclusive: consumer.options.isExclusive,
                arguments: consumer.options.arguments
            )
        )
        return methods
    }

    /// The present channel.
    ///
    /// - Throws: why there is none.
    func present(_ session: isolated AMQPSession) throws -> Channel {
        if isReady, let channel { return channel }
        throw failure ?? session.offlineError
    }

    var consumedQueues: [String] { consumers.values.map(\.queue) }

    func setPrefetch(_ count: UInt16) { prefetch = count }

    // MARK: Consumers

    private static let noAckPrefix = "martlet.noack"

    /// A consumer's tag. It tells by itself how the consumer's deliveries are settled: some may come when it is long
    /// forgotten, even after the broker's answer that it has ended.
    static func newTag(_ options: AMQPConsumeOptions) -> String {
        UniqueName.make(options.noAck ? noAckPrefix : "martlet")
    }

    func consume(
        _ tag: String,
        _ consumer: Consumer,
        _ session: isolated AMQPSession,
        _ completion: @escaping Channel.Completion
    ) throws {
        let channel = try present(session)
        consumers[tag] = consumer
        session.ask(methods(tag, consumer), on: channel) { [weak self] result in
            if case .failure = result { self?.consumers[tag] = nil }
            completion(result)
        }
    }

    func leave(_ tag: String, _ session: isolated AMQPSession) {
        guard let consumer = consumers.removeValue(forKey: tag) else { return }
        session.consumersEnded(of: [consumer.queue])
        if !consumer.options.noAck { remember(tag, consumer) }
        guard let channel else { return }
        session.ask(.cancel(consumer: tag), on: channel) { _ in }
    }

    /// Remembers the queue of a consumer that leaves.
    private func remember(_ tag: String, _ consumer: Consumer) {
        // What is under way comes soon.
        if left.count == 64 { left.removeFirst() }
        left[tag] = consumer.queue
        // It has been said from where it is read.
        if consumer.options.arguments["x-stream-offset"] != nil { kinds.note(stream: consumer.queue) }
    }

    func received(_ content: ContentAssembly.Content, on channel: Channel, of session: isolated AMQPSession) {
        guard case .delivery(let announcement) = content.announcement else { return }
        guard let consumer = consumers[announcement.consumer] else {
            // Under way when it was left. To put back what came without acknowledgement would end the channel.
            if announcement.consumer.hasPrefix(Self.noAckPrefix) { return }
            let queue = left[announcement.consumer]
            return giveBack(announcement.tag, content.properties, of: queue, requeue: true, on: channel, session)
        }
        if content.refusal != nil {
            guard !consumer.options.noAck else { return }
            let queue = consumer.queue
            return giveBack(announcement.tag, content.properties, of: queue, requeue: false, on: channel, session)
        }
        let settler = consumer.options.noAck ? nil : channel.settler
        session.consuming.countBacklog(bytes: content.body.count, session)
        consumer.inbox.offer(
            AMQPDelivery(content, settler: settler),
            topic: TopicName(segments: [announcement.routingKey])
        )
    }

    /// Puts back what had arrived for a consumer that has left, and that it had not read.
    func giveBack(_ unread: [AMQPDelivery], of consumer: String, _ session: isolated AMQPSession) {
        guard let channel else { return }
        for delivery in unread where delivery.isOpen {
            let (properties, queue) = (delivery.message.properties, left[consumer])
            giveBack(delivery.tag, properties, of: queue, requeue: true, on: channel, session)
        }
    }

    /// Puts a delivery back that nobody reads, or refuses one whose body was not kept: it becomes a dead letter, where there are
    /// such. RabbitMQ ends the connection of who wants that of a stream, from which nothing is ever taken.
    ///
    /// - Parameter queue: `nil`: it is not known any more.
    private func giveBack(
        _ tag: UInt64,
        _ properties: AMQPProperties,
        of queue: String?,
        requeue: Bool,
        on channel: Channel,
        _ session: isolated AMQPSession
    ) {
        guard properties.seemOfStream else {
            return session.tell(.nack(tag: tag, multiple: false, requeue: requeue), on: channel)
        }
        guard let queue else { return }
        kinds.ask(whetherStream: queue, session) { isStream in
            if isStream == false {
                session.tell(.nack(tag: tag, multiple: false, requeue: requeue), on: channel)
            } else if isStream == true {
                session.tell(.ack(tag: tag, multiple: false), on: channel)
            }
        }
    }

    func cancelled(_ tag: String, on channel: Channel, of session: isolated AMQPSession) {
        guard let consumer = consumers.removeValue(forKey: tag) else { return }
        session.consumersEnded(of: [consumer.queue])
        session.publishing.post(.consumerCancelled(queue: consumer.queue))
        consumer.inbox.mailbox.finish(
            throwing: MessagingError(
                .refused,
                "the broker cancelled the consumer: the queue \(quoted(consumer.queue)) was deleted, or its node is gone"
            )
        )
    }

    // MARK: The end

    func ended(_ channel: Channel, _ error: MessagingError, linkIsLost: Bool, of session: isolated AMQPSession) {
        guard self.channel === channel else { return }
        self.channel = nil
        left = [:]
        kinds.forget()
        let wasReady = isReady
        isReady = false
        // They come again: what waits of them is worth nothing.
        for consumer in consumers.values {
            for delivery in consumer.inbox.mailbox.removeAll(where: \.isStale) { _ = delivery.skipsStale() }
        }
        if linkIsLost {
            deadline = nil
        } else if wasReady || !AMQPSession.mayPass(error) || !openAgain(session, waits: error.isOfAbsentNode) {
            for outgoing in channel.confirms?.removeAll() ?? [] { outgoing.confirmation?.end(.failure(error)) }
            fail(error, session)
        }
    }

    /// Tries again what the broker refuses on a new link and has allowed on the old one.
    ///
    /// - Parameter waits: whether it is tried for as long as it takes.
    /// - Returns: whether it is tried again.
    private func openAgain(_ session: isolated AMQPSession, waits: Bool) -> Bool {
        guard let attempt = reopening.next() else { return false }
        let until = deadline ?? session.runtime.timers.now + session.patience
        deadline = until
        guard waits || session.runtime.timers.now < until else { return false }
        session.openAgain(self, attempt: attempt)
        return true
    }

    private func fail(_ error: any Error, _ session: isolated AMQPSession) {
        let error = error as? MessagingError ?? Self.closed
        failure = error
        session.publishing.failWaiting(of: .native(id), error)
        let queues = consumedQueues
        finish(throwing: error)
        session.consumersEnded(of: queues)
    }

    /// Nobody holds it any more, or it is closed.
    func close(_ session: isolated AMQPSession) {
        failure = failure ?? Self.closed
        isReady = false
        session.publishing.failWaiting(of: .native(id), Self.closed)
        finish(throwing: nil)
        guard let channel else { return }
        self.channel = nil
        for outgoing in channel.confirms?.removeAll() ?? [] { outgoing.confirmation?.end(.failure(Self.closed)) }
        session.close(channel)
    }

    func finish(throwing error: (any Error)?) {
        for consumer in consumers.values { consumer.inbox.mailbox.finish(throwing: error) }
        consumers.removeAll()
    }
}
