import Martlet
import MartletTransport

/// A message for which there has to be a consumer, and where it lies.
struct ConsumerSearch: Sendable {
    let element: [UInt8]
    let keys: QueueKeys
    /// The call whose request it is.
    let call: String?
    /// How long the message may lie in one place.
    let grace: Duration
    /// The sender waits for this. There is nothing to look for once it has ended.
    let answer: Answer
    /// Ends the answer if the server does not confirm the message in time.
    let timer: Timers.ID?

    func end(_ result: Result<RedisValue, any Error>) { answer.end(result) }
}

/// Sends that wait to see whether anybody takes what they sent. All of it is done on the loop: no task waits for any step
/// of it.
final class ConsumerSearches {
    /// How often a question is asked again that the server refuses for a reason that passes: for some seconds.
    private static let maximumAttempts = 10

    private var waiting: [ObjectIdentifier: ConsumerSearch] = [:]

    /// The server has the message, and has told how many wait in the queue and whether a consumer is known.
    func sent(_ search: ConsumerSearch, _ result: Result<RedisValue, any Error>, _ session: isolated RedisSession) {
        guard case .success(let reply) = result, let replies = reply.array, replies.count == 3 else {
            return search.end(result)
        }
        if let timer = search.timer { session.runtime.timers.cancel(timer) }
        if let error = replies[0].error { return search.end(.success(.error(error))) }
        guard let length = replies[1].integer, length > 0, replies[2].integer == 0 else {
            return search.end(.success(.null))
        }
        lookLater(search, position: length - 1, session)
    }

    /// Nobody has taken the message at once, and no consumer is known. One of another library may be between two looks
    /// at the list, or busy with what lies before it: as long as the message moves up, it is waited for.
    private func lookLater(_ search: ConsumerSearch, position: Int, _ session: isolated RedisSession) {
        waiting[ObjectIdentifier(search.answer)] = search
        session.later(search.grace) { $0.commands.searches.look(search, position: position, $0) }
    }

    /// Nothing more is found out: the connection is closed. The messages have been sent.
    func end() {
        for search in waiting.values { search.end(.success(.null)) }
        waiting.removeAll()
    }

    private func look(_ search: ConsumerSearch, position: Int, _ session: isolated RedisSession) {
        waiting[ObjectIdentifier(search.answer)] = nil
        // The latest is at the end.
        let find = [Command.lpos, search.keys.list, search.element, Command.rank, Command.last]
        ask(search, find, session) { session, found in
            let searches = session.commands.searches
            guard found.error == nil else { return searches.takeBack(search, session) }
            guard let place = found.integer else { return search.end(.success(.null)) }
            if place >= position {
                searches.takeBack(search, session)
            } else {
                searches.lookLater(search, position: place, session)
            }
        }
    }

    private func takeBack(_ search: ConsumerSearch, _ session: isolated RedisSession) {
        let command = [Command.lrem, search.keys.list, Command.last, search.element]
        ask(search, command, session) { session, reply in
            guard let count = reply.integer, count != 0 else { return search.end(.success(.null)) }
            if let call = search.call { session.calls.takenBack(call) }
            search.end(
                .failure(MessagingError(.noResponder, "nobody consumes \(search.keys.queue)"))
            )
        }
    }

    /// Without a link there is nothing to look for: the message has been sent, and that is what was asked.
    private func ask(
        _ search: ConsumerSearch,
        _ command: [[UInt8]],
        attempt: Int = 1,
        pace: Pace = Pace(),
        _ session: isolated RedisSession,
        _ next: @escaping @Sendable (isolated RedisSession, RedisValue) -> Void
    ) {
        guard !search.answer.hasEnded else { return }
        var request = Request(
            [command],
            slot: search.keys.slot,
            .handler { session, result in
                guard case .success(let reply) = result else { return search.end(.success(.null)) }
                guard let error = reply.error, error.outlook != .final, attempt < Self.maximumAttempts else {
                    return next(session, reply)
                }
                var pace = pace
                session.commands.searches.waiting[ObjectIdentifier(search.answer)] = search
                session.later(pace.next()) { [pace] session in
                    let searches = session.commands.searches
                    searches.waiting[ObjectIdentifier(search.answer)] = nil
                    searches.ask(search, command, attempt: attempt + 1, pace: pace, session, next)
                }
            }
        )
        request.isOwn = true
        do {
            guard session.isOpen else { throw MessagingError.offline }
            try session.commands.perform(request, session)
        } catch {
            search.end(.success(.null))
        }
    }
}
