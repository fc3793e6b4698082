import Martlet

/// Puts a message together of its frames: the method that announces it, its header, its body in parts. One a channel; a
/// pure value.
///
/// So a message that has half arrived on one channel holds up no other, and costs what has arrived of it and no more: the
/// size that its header claims is not believed before the bytes are there.
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
        var body: [UInt8] = []

        var properties: AMQPProperties { header.properties }
    }

    private enum State {
        case idle
        case announced(Announcement)
        case body(Content, missing: Int)
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
        guard bodySize <= UInt64(maximumBodyBytes) else {
            throw MessagingError(
                .connectionLost,
                "a message has \(bodySize) bytes; this connection takes at most \(maximumBodyBytes)"
            )
        }
        var content = Content(announcement: announcement, header: header)
        if bodySize == 0 {
            state = .idle
            return content
        }
        content.body.reserveCapacity(min(Int(bodySize), 256 << 10))
        state = .body(content, missing: Int(bodySize))
        return nil
    }

    /// - Returns: the message, if that was the last of it.
    mutating func body(_ bytes: UnsafeRawBufferPointer) throws -> Content? {
        guard case .body(var content, var missing) = state else {
            throw FrameParser.broken("a body comes without its header")
        }
        // Taken out of the state, lest the body be copied for each part.
        state = .idle
        guard bytes.count <= missing else { throw FrameParser.broken("a body is longer than its header says") }
        content.body.append(contentsOf: bytes)
        missing -= bytes.count
        if missing == 0 { return content }
        state = .body(content, missing: missing)
        return nil
    }
}
