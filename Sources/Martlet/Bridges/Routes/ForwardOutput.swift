/// Hands a route's messages to its sink.
struct ForwardOutput: Sendable {
    private let place: ForwardSink
    private let sink: any Connection
    private let publishing: PublishOptions
    private let sending: SendOptions

    init(_ direction: ForwardDirection, to sink: any Connection) {
        place = direction.sink
        self.sink = sink
        let guarantee = direction.sinkGuarantee(sink.capabilities)
        publishing = PublishOptions(guarantee: guarantee, expiry: direction.options.expiry)
        sending = SendOptions(guarantee: guarantee, expiry: direction.options.expiry)
    }

    /// How surely the sink has a message that it has confirmed.
    var guarantee: Guarantee { sending.guarantee }

    func begin(_ entry: ForwardEntry) async throws -> Confirmation {
        switch place {
        case .queue(let queue):
            return try await sink.beginSending(entry.message, to: queue, options: sending)
        case .topics:
            var publishing = publishing
            publishing.retain = entry.retain
            return try await sink.beginPublishing(entry.message, to: entry.topic, options: publishing)
        }
    }
}
