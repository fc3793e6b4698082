import DequeModule
import Martlet

/// What was sent by one socket and has not been answered, in order. It lives on the session's loop and nowhere else.
///
/// An object, so that each reply changes it in place.
final class PendingCommands {
    private struct Entry {
        var command: CommandEntry
        let sent: ContinuousClock.Instant
        /// Of several commands that belong together, so far.
        var replies: [RedisValue] = []
    }

    /// What a reply comes to.
    enum Outcome {
        /// The answer to a publish that nobody waits for, or one reply of several.
        case nothing
        /// One of those publishes was refused.
        case refused(TopicName, RedisError)
        case answer(Answer)
        /// All replies to a request: one as it is, several as an array.
        case request(Request, RedisValue)
        /// Nothing had been asked.
        case unasked
    }

    private var ring: Deque<Entry> = []
    /// Those to publishes that are awaited.
    private var answers: Deque<Answer> = []
    /// How many replies are to come.
    private(set) var count = 0

    /// When the one was sent that has waited longest.
    var oldest: ContinuousClock.Instant? { ring.first?.sent }

    /// One of a publish that is awaited; what it belongs to follows.
    func expect(_ answer: Answer) { answers.append(answer) }

    func append(_ command: CommandEntry, sent: ContinuousClock.Instant) {
        count += command.count
        ring.append(Entry(command: command, sent: sent))
    }

    /// The next reply has come.
    func received(_ reply: RedisValue) -> Outcome {
        guard !ring.isEmpty else { return .unasked }
        count -= 1
        ring[0].command.count -= 1
        let isLast = ring[0].command.count == 0
        // The two that there are many of, without a look at what else they might be.
        if ring[0].command.isAwaited {
            if isLast { ring.removeFirst() }
            return answers.popFirst().map { .answer($0) } ?? .unasked
        }
        if ring[0].command.isUnawaited, case .integer = reply {
            if isLast { ring.removeFirst() }
            return .nothing
        }
        switch ring[0].command.kind {
        case .publishes(let topic):
            if isLast { ring.removeFirst() }
            return reply.error.map { .refused(topic, $0) } ?? .nothing
        case .awaited:
            return .nothing
        case .request(let request) where request.count == 1:
            ring.removeFirst()
            return .request(request, reply)
        case .request(let request):
            ring[0].replies.append(reply)
            guard isLast else { return .nothing }
            return .request(request, .array(ring.removeFirst().replies))
        }
    }

    func removeAll() -> UnansweredCommands {
        defer {
            ring.removeAll()
            answers.removeAll()
            count = 0
        }
        return UnansweredCommands(commands: ring.map(\.command), answers: Array(answers))
    }
}
