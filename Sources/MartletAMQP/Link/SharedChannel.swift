import DequeModule
import Martlet

/// Things that are asked one after the other on a channel that they share, though each stands for itself.
///
/// The broker refuses one by closing the channel, and does nothing of what was asked after it. That is asked again on the
/// next channel.
final class SharedChannel: ChannelOwner {
    private struct Inquiry {
        let method: ClientMethod
        let completion: Channel.Completion
    }

    private var channel: Channel?
    private var waiting: Deque<Inquiry> = []

    /// Asks for something; the completion is called once, on the loop.
    func ask(_ method: ClientMethod, on session: isolated AMQPSession, _ completion: @escaping Channel.Completion) {
        ask(Inquiry(method: method, completion: completion), on: session)
    }

    /// Closes the channel, of which everything was answered.
    func close(_ session: isolated AMQPSession) {
        guard let channel, waiting.isEmpty else { return }
        self.channel = nil
        session.close(channel)
    }

    private func ask(_ inquiry: Inquiry, on session: isolated AMQPSession) {
        do {
            let channel = try self.channel ?? session.openChannel(self)
            self.channel = channel
            waiting.append(inquiry)
            session.ask(inquiry.method, on: channel) { [weak self] result in
                switch result {
                case .success: self?.waiting.popFirst()?.completion(result)
                case .failure:
                    // Those of the channel are told when it ends, below. Here the latest one does not fit into a frame.
                    guard session.channels.has(channel) else { return }
                    self?.waiting.popLast()?.completion(result)
                }
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
}
