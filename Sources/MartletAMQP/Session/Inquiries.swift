import DequeModule
import Martlet

/// Questions about queues, whether they exist and who consumes them, on a channel of their own.
///
/// The broker answers that there is no such queue by closing the channel. What was asked after that is asked again on the
/// next one.
final class Inquiries: ChannelOwner {
    private struct Inquiry {
        let queue: String
        let completion: Channel.Completion
    }

    private var channel: Channel?
    private var waiting: Deque<Inquiry> = []

    /// Asks for a queue, without declaring it.
    func ask(_ queue: String, on session: isolated AMQPSession, _ completion: @escaping Channel.Completion) {
        ask(Inquiry(queue: queue, completion: completion), on: session)
    }

    private func ask(_ inquiry: Inquiry, on session: isolated AMQPSession) {
        do {
            let channel = try self.channel ?? session.openChannel(self)
            self.channel = channel
            waiting.append(inquiry)
            session.ask(.declareQueue(AMQPQueue(inquiry.queue), passive: true), on: channel) { [weak self] result in
                // Failures are those of the channel: see below.
                guard case .success = result else { return }
                self?.waiting.popFirst()?.completion(result)
            }
        } catch {
            inquiry.completion(.failure(error))
        }
    }

    func ended(_ channel: Channel, _ error: MessagingError, linkIsLost: Bool, of session: isolated AMQPSession) {
        guard self.channel === channel else { return }
        self.channel = nil
        var rest = waiting
        waiting.removeAll()
        if linkIsLost {
            for inquiry in rest { inquiry.completion(.failure(error)) }
            return
        }
        rest.popFirst()?.completion(.failure(error))
        for inquiry in rest { ask(inquiry, on: session) }
    }

    func received(_ content: ContentAssembly.Content, on channel: Channel, of session: isolated AMQPSession) {}
    func cancelled(_ consumer: String, on channel: Channel, of session: isolated AMQPSession) {}
    func readAll(on channel: Channel, of session: isolated AMQPSession) {}
}
