import Martlet

/// The question whether a queue is a stream. A broker does not tell what a queue is, but it refuses who declares it otherwise, and
/// says how it is, one argument at a time: so it is declared as the plainest queue there is. A pure value.
struct StreamQuestion {
    enum Answer: Hashable {
        case stream
        case queue
        /// Another argument was named: it is to be asked once more.
        case again
        /// It can't be told.
        case unknown
    }

    private var queue: AMQPQueue
    private var attempts = 0

    /// - Parameter name: the queue's.
    init(_ name: String) {
        queue = AMQPQueue(name)
        queue.kind = .classic
        // No such queue can be made: where somebody has deleted it in between, the broker refuses. Of one that is there RabbitMQ
        // compares only what its kind knows.
        queue.arguments["x-stream-max-segment-size-bytes"] = 1_000_000
    }

    /// What is asked of the broker: first whether it is there, of which every broker can tell.
    var methods: [ClientMethod] {
        [.declareQueue(queue, passive: true), .declareQueue(queue, passive: false)]
    }

    /// - Parameter result: what came of it; the error is what the broker refused the first of them for.
    mutating func answer(_ result: Result<ServerMethod.Reply, any Error>) -> Answer {
        guard case .failure(let error) = result else { return .queue }
        guard let refusal = (error as? MessagingError)?.cause as? AMQPReplyError else { return .unknown }
        return answer(refusal)
    }

    mutating func answer(_ refusal: AMQPReplyError) -> Answer {
        attempts += 1
        // Somebody else's own, and so none that lasts.
        if refusal.code == AMQPReplyError.resourceLocked { return .queue }
        guard let difference = refusal.difference, attempts < 5 else { return .unknown }
        switch difference.argument {
        case "x-queue-type": return difference.current == AMQPQueue.Kind.stream.rawValue ? .stream : .queue
        // Streams are durable, and stay.
        case "durable", "auto_delete": return .queue
        default:
            guard queue.arguments[difference.argument] == nil, let current = difference.current else { return .unknown }
            // It may have a limit, which is named before its kind is.
            queue.arguments[difference.argument] = Int64(current).map(AMQPValue.int64) ?? .string(current)
            return .again
        }
    }
}

extension AMQPProperties {
    /// Whether they seem to be of a stream's delivery. One that was copied from a stream into a queue has the same.
    var seemOfStream: Bool { headers?["x-stream-offset"] != nil }
}
