import Martlet

/// Puts a message together of its frames: the method that announces it, its header, its body in parts. One a channel; a
/// pure value.
///
/// So a message that has half arrived on one channel holds up no other, and costs what has arrived of it and no more: the
/// size that its header claims is not believed before the bytes are there. One that is larger than is accepted is read to its
/// end and not kept, so that it costs neither the channel nor the link.
struct ContentAssembly {
    /// What announced the content.
    enum Announcement {
        case delivery(ServerMethod.Delivery)
        case returned(ServerMethod.Returned)
        case got(ServerMethod.GetOK)
    }

    struct Content {
        let announcement: Announcement
        fileprivate let header: ContentHeader
        /// Why its body was not kept; `nil`: it was.
        let refusal: MessagingError?
        var body: [UInt8] = []

        var properties: AMQPProperties { header.properties }

    }

    private enum State {
        case idle
        case announced(Announcement)
        case body(Content, missing: UInt64)
    }

    private var state = State.idle
    private let maximumBodyBytes: Int

    init(maximumBodyBytes: Int) {
        self.maximumBodyBytes = maximumBodyBytes
    }

    /// Whether a message has begun and not ended: only its frames may come then.
    var isBusy: Bool {
        if case .idle = state { false } else { true }
    }

    mutating func announce(_ announcement: Announcement) throws {
        guard case .idle = state else { throw FrameParser.broken("a message begins within another") }
        state = .announced(announcement)
    }

    /// - Returns: the message, if it has no body.
    mutating func header(_ header: ContentHeader) throws -> Content? {
        let bodySize = header.bodySize
        guard case .announced(let announcement) = state else {
            throw FrameParser.broken("a header comes without its message")
        }
        var content = Content(announcement: announcement, header: header, refusal: refusal(of: bodySize))
        if bodySize == 0 {
            state = .idle
            return content
        }
        if content.refusal == nil { content.body.reserveCapacity(Int(min(bodySize, 256 << 10))) }
        state = .body(content, missing: bodySize)
        return nil
    }

    private func refusal(of bodySize: UInt64) -> MessagingError? {
        guard bodySize > UInt64(maximumBodyBytes) else { return nil }
        return MessagingError(
            .bodyTooLarge,
            "a message has \(bodySize) bytes; this connection takes at most \(maximumBodyBytes)"
        )
    }

    /// - Returns: the message, if that was the last of it.
    mutating func body(_ bytes: UnsafeRawBufferPointer) throws -> Content? {
        guard case .body(var content, var missing) = state else {
            throw FrameParser.broken("a body comes without its header")
        }
        // Taken out of the state, lest the body be copied for each part.
        state = .idle
        guard bytes.count <= missing else { throw FrameParser.broken("a body is longer than its header says") }
        if content.refusal == nil { content.body.append(contentsOf: bytes) }
        missing -= UInt64(bytes.count)
        if missing == 0 { return content }
        state = .body(content, missing: missing)
        return nil
    }
}
