/// Puts the messages of a route that can't be passed on where dead letters go.
struct ForwardBurial: Sendable {
    private let deadLetters: DeadLetters?
    /// The connection to the broker that has the dead letters' queue.
    private let connection: any Connection
    private let context: RouteContext
    private let memory: ForwardMemory

    init(_ direction: ForwardDirection, _ context: RouteContext, _ memory: ForwardMemory) {
        deadLetters = direction.options.deadLetters
        connection = context[deadLetters?.side ?? direction.side]
        self.context = context
        self.memory = memory
    }

    /// Makes a dead letter of a message. The message is held, and its source with it, until that is done.
    func bury(_ entry: ForwardEntry, _ reason: any Error) async throws {
        memory.abandon(entry)
        context.warn("a message could not be passed on", reason)
        guard let deadLetters else { return lose(entry) }
        let letter = Self.letter(for: entry, reason, of: context.bridgeMark.bridge, at: WallClock.nanoseconds)
        var attempts = 0
        while true {
            do {
                try await connection.send(letter, to: deadLetters.queue)
                try? entry.delivery.ack()
                return context.recorder.update { statistics in
                    statistics.dead += 1
                    statistics.inFlight -= 1
                }
            } catch {
                try Task.checkCancellation()
                guard let error = error as? MessagingError, error.code != .connectionClosed else { throw error }
                guard error.isRetriable else {
                    context.warn("a dead letter could not be kept", error)
                    return lose(entry)
                }
                let delay = connection.runtime.random.delay(of: Backoff(), before: attempts)
                try await context.timers.sleep(for: delay ?? .seconds(30))
                attempts += 1
            }
        }
    }

    private func lose(_ entry: ForwardEntry) {
        try? entry.delivery.nack(requeue: false)
        context.recorder.update { statistics in
            statistics.lost += 1
            statistics.inFlight -= 1
        }
    }

    /// The message as it came, or the part of it that the sink has not delivered, with headers that say why. Pure.
    ///
    /// - Parameter time: nanoseconds since 1970.
    static func letter(
        for entry: ForwardEntry,
        _ reason: any Error,
        of bridge: String,
        at time: Int64
    ) -> Message {
        var letter = entry.delivery.message
        let error = reason as? MessagingError
        let text = error.map { "\($0.code): \($0.message)" } ?? "\(MessagingError.Code.handlerFailed): \(reason)"
        if let part = error?.cause as? UndeliveredPart { letter.body = part.body }
        letter.headers.replyTo = nil
        letter.headers[Headers.Standard.deathReason] = .string(String(text.prefix(1_024)))
        letter.headers[Headers.Standard.deathTopic] = .string(entry.delivery.topic.text)
        letter.headers[Headers.Standard.deathDeliveries] = .integer(Int64(entry.attempts))
        letter.headers[Headers.Standard.deathFirstTime] = .integer(entry.firstTime)
        letter.headers[Headers.Standard.deathLastTime] = .integer(time)
        letter.headers[Headers.Standard.deathBridge] = .string(bridge)
        return letter
    }
}
