/// Hands a route's messages to its sink.
struct ForwardOutput: Sendable {
    private let place: ForwardSink
    private let sink: any Connection
    private let timers: Timers
    private let expiry: Duration?
    /// Whether the sink's broker takes a message's own time to live.
    private let expires: Bool
    private let publishing: PublishOptions
    private let sending: SendOptions

    /// - Parameter timers: by whose clock messages came in.
    init(_ direction: ForwardDirection, to sink: any Connection, timers: Timers) {
        place = direction.sink
        self.sink = sink
        self.timers = timers
        expiry = direction.options.expiry
        expires = sink.capabilities.contains(.expiry)
        let guarantee = direction.sinkGuarantee(sink.capabilities)
        publishing = PublishOptions(guarantee: guarantee)
        sending = SendOptions(guarantee: guarantee)
    }

    /// How surely the sink has a message that it has confirmed.
    var guarantee: Guarantee { sending.guarantee }

    func begin(_ entry: ForwardEntry) async throws -> Confirmation {
        let life = try life(of: entry)
        let left = expires ? life : givenLife(of: entry)
        switch place {
        case .queue(let queue):
            var sending = sending
            sending.expiry = left
            return try await sink.beginSending(entry.message, to: queue, options: sending)
        case .topics:
            var publishing = publishing
            publishing.retain = entry.retain
            publishing.expiry = left
            return try await sink.beginPublishing(entry.message, to: entry.topic, options: publishing)
        }
    }

    /// What is left of a message's life: of what it came with, less the time in the bridge, and of what the route gives it; `nil`:
    /// it has no end.
    ///
    /// - Throws: ``MessagingError/Code/timeout`` for one that is worthless by now.
    func life(of entry: ForwardEntry) throws -> Duration? {
        let end = entry.delivery.message.headers.native?.expires
        // As nearly all messages have none.
        guard expiry != nil || end != nil else { return nil }
        guard let left = [givenLife(of: entry), end.map { $0 - .now }].compactMap(\.self).min() else { return nil }
        guard left > .zero else {
            throw MessagingError(.timeout, "the message expired before it could be passed on", isRetriable: false)
        }
        return left
    }

    /// What is left of the life that the route gives a message.
    private func givenLife(of entry: ForwardEntry) -> Duration? { expiry.map { $0 - (timers.now - entry.begun) } }
}
