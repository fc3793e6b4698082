import Martlet

/// Which queues are streams, as far as a channel had to know. Once it is told, it is not asked again.
final class QueueKinds {
    private enum Knowledge {
        case asked([(Bool?) -> Void])
        case told(Bool)
    }

    private var queues: [ByteKey: Knowledge] = [:]

    /// - Parameter completion: called once, on the loop, unless the link ends before; `nil`: it can't be told.
    func ask(
        whetherStream queue: String,
        _ session: isolated AMQPSession,
        _ completion: @escaping (Bool?) -> Void
    ) {
        let key = ByteKey(queue)
        switch queues[key] {
        case .told(let isStream): completion(isStream)
        case .asked(let waiting): queues[key] = .asked(waiting + [completion])
        case nil:
            queues[key] = .asked([completion])
            session.askWhetherStream(StreamQuestion(queue)) { [weak self] isStream in
                guard case .asked(let waiting) = self?.queues[key] else { return }
                self?.queues[key] = isStream.map { .told($0) }
                for completion in waiting { completion(isStream) }
            }
        }
    }

    /// It is known without the broker.
    func note(stream queue: String) {
        guard queues[ByteKey(queue)] == nil else { return }
        queues[ByteKey(queue)] = .told(true)
    }

    func forget() { queues = [:] }
}
