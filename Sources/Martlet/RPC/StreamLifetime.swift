/// A streaming call as long as somebody can read it: it ends when the last one who could has gone.
final class StreamLifetime: Sendable {
    let receiver: StreamReceiver
    private let end: @Sendable (_ early: Bool) -> Void

    /// - Parameter end: called once, when nobody can read any more; `early` if the responder is still at it.
    init(receiver: StreamReceiver, end: @escaping @Sendable (_ early: Bool) -> Void) {
        self.receiver = receiver
        self.end = end
    }

    deinit {
        end(!receiver.isWritten)
    }
}
