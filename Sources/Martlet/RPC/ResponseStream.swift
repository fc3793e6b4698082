/// The elements that a streaming call answers with, as an asynchronous sequence with one reader.
///
/// The responder stays at most a window of elements ahead of the reader: a slow reader slows it. Leaving the loop,
/// or dropping the sequence, cancels the responder's handler. Cancelling the reading task throws
/// `CancellationError`.
public struct ResponseStream<Element: Codable & Sendable>: AsyncSequence, Sendable {
    /// It throws what the handler threw, ``MessagingError/Code/timeout`` if no element came for the time allowed,
    /// ``MessagingError/Code/streamBroken`` if elements are missing, or `CancellationError`.
    public typealias Failure = any Error

    /// Ends the call when the last one who could read has gone.
    fileprivate final class Lifetime: Sendable {
        let receiver: StreamReceiver
        let end: @Sendable (_ early: Bool) -> Void

        init(receiver: StreamReceiver, end: @escaping @Sendable (_ early: Bool) -> Void) {
            self.receiver = receiver
            self.end = end
        }

        deinit {
            end(!receiver.isWritten)
        }
    }

    private let lifetime: Lifetime
    private let codecs: Codecs

    /// - Parameter end: called once, when nobody can read any more; `early` if the responder is still at it.
    init(receiver: StreamReceiver, codecs: Codecs, end: @escaping @Sendable (_ early: Bool) -> Void) {
        lifetime = Lifetime(receiver: receiver, end: end)
        self.codecs = codecs
    }

    /// Reads the stream. Only one task may read at a time.
    public func makeAsyncIterator() -> Iterator {
        Iterator(lifetime: lifetime, codecs: codecs)
    }

    /// Reads a stream.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let lifetime: Lifetime
        fileprivate let codecs: Codecs

        /// The next element; `nil` when the handler has returned.
        public mutating func next(isolation: isolated (any Actor)? = #isolation) async throws -> Element? {
            guard let frame = try await lifetime.receiver.next() else { return nil }
            return try codecs.value(of: frame)
        }
    }
}
