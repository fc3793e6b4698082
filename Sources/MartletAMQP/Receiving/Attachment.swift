import Logging
import Martlet

/// A consumer of one queue, with a channel of its own: opened anew on each link, and when the broker has ended the channel.
///
/// What its deliveries are for, and how they are settled, is the owner's.
final class Attachment {
    /// What is asked of the broker.
    struct Request {
        var queue: AMQPQueue
        var bindings: [ClientMethod]
        /// How many deliveries may be open; 0: any number.
        var prefetch: UInt16
        var consumer: String
        var noAck: Bool

        /// What begins to consume, on a channel that is open.
        var consume: ClientMethod {
            .consume(queue: queue.name, consumer: consumer, noAck: noAck, exclusive: false, arguments: [:])
        }
    }

    /// The present channel.
    private(set) var channel: Channel?
    private var hasLeft = false
    private var access: QueueAccess
    private var reopening = Reopening()
    /// Whether its queue's node was away when it was to be opened again.
    private var missedNode = false

    /// - Parameter isOwn: whether nobody else makes the queue.
    init(isOwn: Bool) {
        access = QueueAccess(to: isOwn ? .own : .consume)
    }

    /// Opens a channel and consumes; the completion is called once, on the loop.
    func open(
        _ request: Request,
        for owner: any QueueReading,
        on session: isolated AMQPSession,
        _ completion: @escaping ((any Error)?) -> Void
    ) {
        guard !hasLeft, channel == nil else { return completion(nil) }
        do {
            let channel = try session.openChannel(owner)
            self.channel = channel
            owner.opened(channel)
            let methods = access.methods(for: request.queue, request.bindings)
            let consume = [.qos(prefetch: request.prefetch, isGlobal: false), request.consume]
            session.ask(methods + consume, on: channel) { [weak self] result in
                guard let self else { return }
                switch result {
                case .success:
                    if access.wasMissing { owner.queueWasGone(session) }
                    if missedNode { owner.nodeWasAway(session) }
                    missedNode = false
                    if access.step == .use { noteUse(of: request, session) }
                    access.succeeded()
                    reopening.opened()
                    completion(nil)
                case .failure(let error as MessagingError)
                where (error.cause as? AMQPReplyError)?.isStream ?? false:
                    completion(MessagingError.isStream(request.queue.name, cause: error.cause))
                case .failure(let error as MessagingError):
                    switch access.next(after: error) {
                    case .again:
                        self.channel = nil
                        open(request, for: owner, on: session, completion)
                    case .fail(let reason):
                        if reason.isOfAbsentNode, reopening.hasBeenOpen { missedNode = true }
                        completion(reason)
                    }
                case .failure(let error): completion(error)
                }
            }
        } catch {
            completion(error)
            openAgain(owner, on: session)
        }
    }

    /// It may be neither looked at nor bound.
    private func noteUse(of request: Request, _ session: isolated AMQPSession) {
        guard !request.bindings.isEmpty else { return }
        session.runtime.logger.notice(
            "the queue \(quoted(request.queue.name)) may not be bound: it is consumed as it is"
        )
    }

    /// The channel has ended.
    ///
    /// - Parameter looks: whether the next attempt is to find out if the queue is still there.
    /// - Returns: whether it was the present one.
    func ended(_ channel: Channel, looks: Bool) -> Bool {
        guard self.channel === channel else { return false }
        self.channel = nil
        if looks, reopening.hasBeenOpen { access.looksFirst() }
        return true
    }

    /// Opens it again soon, if it was ever open.
    func openAgain(_ owner: any QueueReading, on session: isolated AMQPSession) {
        guard !hasLeft, let attempt = reopening.next() else { return }
        session.openAgain(owner, attempt: attempt)
    }

    /// It is not wanted any more.
    ///
    /// - Returns: the present channel, the first time.
    func leave() -> Channel? {
        guard !hasLeft else { return nil }
        hasLeft = true
        return channel
    }
}

/// Something that reads one queue by an ``Attachment``.
protocol QueueReading: Restorable, ChannelOwner {
    /// A channel is opened for it: what came by another one counts no more.
    func opened(_ channel: Channel)
    /// The queue was gone, with all that was in it, though the link was there, and has been made again.
    func queueWasGone(_ session: isolated AMQPSession)
    /// The queue's node was away, and is there again.
    func nodeWasAway(_ session: isolated AMQPSession)
}
