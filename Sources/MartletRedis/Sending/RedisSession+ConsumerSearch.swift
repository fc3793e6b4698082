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

/// Whether anybody consumes what was sent. All of it is done on the loop: no task waits for any step of it.
extension RedisSession {
    /// The server has the message, and has told how many wait in the queue and whether a consumer is known.
    func sent(_ search: ConsumerSearch, _ result: Result<RedisValue, any Error>) {
        guard case .success(let reply) = result, let replies = reply.array, replies.count == 3 else {
            return search.end(result)
        }
        if let timer = search.timer { runtime.timers.cancel(timer) }
        if let error = replies.lazy.compactMap(\.error).first { return search.end(.success(.error(error))) }
        guard let length = replies[1].integer, length != 0, replies[2].integer == 0 else {
            return search.end(.success(.null))
        }
        lookLater(search, position: length - 1)
    }

    /// Nobody has taken the message at once, and no consumer is known. One of another library may be between two looks
    /// at the list, or busy with what lies before it: as long as the message moves up, it is waited for.
    private func lookLater(_ search: ConsumerSearch, position: Int) {
        searches[ObjectIdentifier(search.answer)] = search
        loop.schedule(after: search.grace) { [weak self] in
            self?.assumeIsolated { $0.look(search, position: position) }
        }
    }

    /// Nothing more is found out: the connection is closed. The messages have been sent.
    func endSearches() {
        for search in searches.values { search.end(.success(.null)) }
        searches.removeAll()
    }

    private func look(_ search: ConsumerSearch, position: Int) {
        searches[ObjectIdentifier(search.answer)] = nil
        // The latest is at the end.
        let find = [Command.lpos, search.keys.list, search.element, Command.rank, Command.last]
        ask(search, find) { session, found in
            guard found.error == nil else { return session.takeBack(search) }
            guard let place = found.integer else { return search.end(.success(.null)) }
            if place >= position { session.takeBack(search) } else { session.lookLater(search, position: place) }
        }
    }

    private func takeBack(_ search: ConsumerSearch) {
        ask(search, [Command.lrem, search.keys.list, Command.last, search.element]) { session, reply in
            guard reply.integer != 0 else { return search.end(.success(.null)) }
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
        _ next: @escaping @Sendable (isolated RedisSession, RedisValue) -> Void
    ) {
        guard !search.answer.hasEnded else { return }
        let completion = Request.Completion.handler { [weak self] result in
            guard let self, case .success(let reply) = result else { return search.end(.success(.null)) }
            assumeIsolated { next($0, reply) }
        }
        do {
            guard isOpen else { throw MessagingError.offline }
            try perform(Request([command], slot: search.keys.slot, completion))
        } catch {
            search.end(.success(.null))
        }
    }
}
