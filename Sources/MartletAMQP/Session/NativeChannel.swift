import Martlet
import MartletIO

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
    private let confirms: Bool
    private var consumers: [String: Consumer] = [:]
    private var prefetch: UInt16?

    init(confirms: Bool) {
        self.confirms = confirms
    }

    static var closed: MessagingError { MessagingError(.notRunning, "the channel is closed; open another one") }

    func open(on session: isolated AMQPSession, _ completion: @escaping ((any Error)?) -> Void) {
        guard channel == nil, failure == nil else { return completion(failure) }
        do {
            let channel = try session.openChannel(self) { result in
                if case .failure(let error) = result { completion(error) } else { completion(nil) }
            }
            self.channel = channel
            if confirms {
                channel.confirms = ConfirmWindow()
                session.ask(.confirmSelect, on: channel) { _ in }
            }
            if let prefetch { session.ask(.qos(prefetch: prefetch, isGlobal: true), on: channel) { _ in } }
            for (tag, consumer) in consumers { session.ask(methods(tag, consumer), on: channel) { _ in } }
        } catch {
            completion(error)
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
        if let channel { return channel }
        throw failure ?? session.offlineError
    }

    func setPrefetch(_ count: UInt16) { prefetch = count }

    // MARK: Consumers

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
        guard consumers.removeValue(forKey: tag) != nil, let channel else { return }
        session.ask(.cancel(consumer: tag), on: channel) { _ in }
    }

    func received(_ content: ContentAssembly.Content, on channel: Channel, of session: isolated AMQPSession) {
        guard case .delivery(let announcement) = content.announcement else { return }
        guard let consumer = consumers[announcement.consumer] else {
            // Under way when it was left.
            session.tell(.nack(tag: announcement.tag, multiple: false, requeue: true), on: channel)
            return
        }
        let settler = consumer.options.noAck ? nil : channel.settler
        session.countBacklog(bytes: content.body.count)
        consumer.inbox.offer(AMQPDelivery(content, settler: settler), topic: TopicName(announcement.routingKey))
    }

    func readAll(on channel: Channel, of session: isolated AMQPSession) {}
    func work(_ session: isolated AMQPSession) {}

    func cancelled(_ tag: String, on channel: Channel, of session: isolated AMQPSession) {
        guard let consumer = consumers.removeValue(forKey: tag) else { return }
        session.events.post(.consumerCancelled(queue: consumer.queue))
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
        guard !linkIsLost else { return }
        failure = error
        for outgoing in channel.confirms?.removeAll() ?? [] { outgoing.confirmation?.end(.failure(error)) }
        finish(throwing: error)
    }

    /// Nobody holds it any more, or it is closed.
    func close(_ session: isolated AMQPSession) {
        failure = failure ?? Self.closed
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
