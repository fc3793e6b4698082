import DequeModule
import Martlet

/// What was sent by one socket and has not been answered, in order. It lives on the session's loop and nowhere else.
///
/// An object, so that each reply changes it in place.
final class PendingCommands {
    private struct Entry {
        let command: CommandEntry
        let sent: ContinuousClock.Instant
        /// How many bytes the socket carries up to its end.
        let end: Int
        /// Of several commands that belong together, so far.
        var replies: [RedisValue] = []
    }

    private enum Kind {
        case none, unawaited, awaited, request
    }

    /// What a reply comes to.
    enum Outcome {
        /// The answer to a publish that nobody waits for, or one reply of several.
        case nothing
        /// One of those publishes was refused.
        case refused(TopicName, RedisError)
        case answer(PublishAnswer)
        /// All replies to a request: one as it is, several as an array.
        case request(Request, RedisValue)
        /// Nothing had been asked.
        case unasked
    }

    private var ring: Deque<Entry> = []
    /// What the first of the ring is, and how many of its replies are to come: to look into the ring copies what is there,
    /// which took longer than all the rest of a reply.
    private var first = Kind.none
    private var left = 0
    /// Those to publishes that are awaited.
    private var answers: Deque<PublishAnswer> = []
    /// How many replies are to come.
    private(set) var count = 0
    /// How many have come, or never will.
    private(set) var ended = 0
    /// How many bytes of commands the socket carries.
    private(set) var size = 0

    /// When the one was sent that has waited longest.
    var oldest: ContinuousClock.Instant? { ring.first?.sent }
    /// How many bytes the socket carries up to the end of that one.
    var oldestEnd: Int { ring.first?.end ?? size }

    /// One of a publish that is awaited; what it belongs to follows.
    func expect(_ answer: PublishAnswer) { answers.append(answer) }

    func append(_ command: CommandEntry, sent: ContinuousClock.Instant) {
        count += command.count
        size += command.size
        ring.append(Entry(command: command, sent: sent, end: size))
        if first == .none { lookAtFirst() }
    }

    /// Those that others have written.
    func append(_ written: UnansweredCommands, sent: ContinuousClock.Instant) {
        answers += written.answers
        for command in written.commands { append(command, sent: sent) }
    }

    /// The next reply has come.
    func received(_ reply: RedisValue) -> Outcome {
        guard first != .none else { return .unasked }
        count -= 1
        ended += 1
        left -= 1
        switch first {
        case .none:
            return .unasked
        case .unawaited:
            if case .error(let error) = reply { return refused(error) }
            if left == 0 { removeFirst() }
            return .nothing
        case .awaited:
            if left == 0 { removeFirst() }
            return answers.popFirst().map { .answer($0) } ?? .unasked
        case .request:
            return answered(reply)
        }
    }

    private func refused(_ error: RedisError) -> Outcome {
        defer { if left == 0 { removeFirst() } }
        guard case .publishes(let topic) = ring.first?.command.kind else { return .nothing }
        return .refused(topic, error)
    }

    private func answered(_ reply: RedisValue) -> Outcome {
        guard case .request(let request) = ring.first?.command.kind else { return .unasked }
        if request.count == 1 {
            removeFirst()
            return .request(request, reply)
        }
        ring[0].replies.append(reply)
        guard left == 0 else { return .nothing }
        let replies = ring[0].replies
        removeFirst()
        return .request(request, .array(replies))
    }

    func removeAll() -> UnansweredCommands {
        var commands = ring.map(\.command)
        if !commands.isEmpty { commands[0].count = left }
        defer {
            ring.removeAll()
            answers.removeAll()
            ended += count
            count = 0
            lookAtFirst()
        }
        return UnansweredCommands(commands: commands, answers: Array(answers))
    }

    private func removeFirst() {
        ring.removeFirst()
        lookAtFirst()
    }

    private func lookAtFirst() {
        let command = ring.first?.command
        left = command?.count ?? 0
        first =
            switch command?.kind {
            case nil: .none
            case .publishes: .unawaited
            case .awaited: .awaited
            case .request: .request
            }
    }
}
