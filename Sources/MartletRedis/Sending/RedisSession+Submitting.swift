import Martlet
import MartletTransport

/// Commands on their way to the loop. From any thread.
extension RedisSession {
    /// Has commands run, once; without a link it fails.
    ///
    /// - Returns: the reply, or an array of those of several commands.
    nonisolated func submit(
        _ commands: [[[UInt8]]],
        slot: Int? = nil,
        within limit: Duration? = nil
    ) async throws -> RedisValue {
        try checkConnected()
        return try await submit(commands, slot: slot, isGuaranteed: false, within: limit)
    }

    /// Throws unless there is a link.
    nonisolated func checkConnected() throws {
        switch runtime.states.state {
        case .connected: break
        case .closed: throw MessagingError.closed
        case .connecting, .disconnected: throw MessagingError.offline
        }
    }

    /// Has commands run at least once, as soon as there is a link.
    nonisolated func submitGuaranteed(
        _ commands: [[[UInt8]]],
        slot: Int? = nil,
        within limit: Duration?
    ) async throws -> RedisValue {
        try await submit(commands, slot: slot, isGuaranteed: true, within: limit)
    }

    private nonisolated func submit(
        _ commands: [[[UInt8]]],
        slot: Int?,
        isGuaranteed: Bool,
        within limit: Duration?
    ) async throws -> RedisValue {
        let answer = Answer()
        let timer = end(answer, after: limit)
        defer { if let timer { runtime.timers.cancel(timer) } }
        try await begin(
            Request(commands, slot: slot, isGuaranteed: isGuaranteed, .answer(answer)),
            timer,
            within: limit
        )
        return try await answer.value()
    }

    /// Ends an answer with an error when a limit has passed.
    ///
    /// - Returns: the timer, to be cancelled when the answer has come.
    nonisolated func end(_ answer: Answer, after limit: Duration?) -> Timers.ID? {
        limit.map { limit in
            runtime.timers.schedule(at: runtime.timers.now + limit) {
                let late = MessagingError(.timeout, "the server did not confirm the message within \(limit)")
                answer.end(.failure(late))
            }
        }
    }

    /// Has commands run, in the order in which they are given.
    ///
    /// - Parameters:
    ///   - timer: cancelled if they can't be put in.
    ///   - limit: how long they may wait for room.
    nonisolated func begin(_ request: Request, _ timer: Timers.ID?, within limit: Duration?) async throws {
        do {
            try Task.checkCancellation()
            try await outbox.put(.request(request), limit: WaitLimit(limit, of: runtime.timers))
        } catch {
            if let timer { runtime.timers.cancel(timer) }
            throw error
        }
    }

    /// Has a publish run once, and waits for nothing; without a link it is treated as the options say.
    ///
    /// - Parameter expiry: after what time it is not to be sent any more.
    nonisolated func put(_ body: [UInt8], to topic: TopicName, expiry: Duration?) async throws {
        try Task.checkCancellation()
        let deadline = expiry.map { runtime.timers.now + $0 }
        let limit = WaitLimit(expiry, of: runtime.timers)
        if case .taken = try await outbox.publish(body, to: topic, limit: limit) { return }
        switch runtime.states.state {
        case .connected:
            // The link has come back just now, or is being lost.
            try await outbox.put(.publish(body, topic), limit: limit)
        case .closed:
            throw MessagingError.closed
        case .connecting, .disconnected:
            switch intake.offline.add(publication(body, to: topic, until: deadline)) {
            case .refused: throw MessagingError.offline
            case .dropped: runtime.count(\.droppedOffline, "a publish was dropped while there was no link")
            case .kept: break
            }
            // The link may have come back just before: what comes next is not to get ahead.
            outbox.holdBack()
            bell.ring()
        }
    }

    /// A publish that waits for the link.
    private nonisolated func publication(_ body: [UInt8], to topic: TopicName, until deadline: Duration?) -> Request {
        var request = Request(
            CommandFormat.publish(body, to: topic.text(in: .dotted)),
            .handler { session, result in
                switch result {
                case .success(.error(let error)): session.runtime.refused(topic, error)
                case .success: break
                case .failure: session.runtime.lost(1, topic)
                }
            }
        )
        request.deadline = deadline
        return request
    }
}
