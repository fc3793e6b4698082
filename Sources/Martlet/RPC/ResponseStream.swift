/// The elements that a streaming call answers with, as an asynchronous sequence with one reader.
///
/// The responder stays at most a window of elements ahead of the reader: a slow reader slows it. Leaving the loop,
/// or dropping the sequence, cancels the responder's handler. Cancelling the reading task throws
/// `CancellationError`.
public struct ResponseStream<Element: Codable & Sendable>: AsyncSequence, Sendable {
    /// It throws what the handler threw, ``MessagingError/Code/timeout`` if no element came for the time allowed,
    /// ``MessagingError/Code/streamBroken`` if elements are missing, or `CancellationError`.
    public typealias Failure = any Error

    private let lifetime: StreamLifetime
    private let codecs: Codecs

    init(lifetime: StreamLifetime, codecs: Codecs) {
        self.lifetime = lifetime
        self.codecs = codecs
    }

    /// Reads the stream. Only one task may read at a time.
    public func makeAsyncIterator() -> Iterator {
        Iterator(lifetime: lifetime, codecs: codecs)
    }

    /// Reads a stream.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let lifetime: StreamLifetime
        fileprivate let codecs: Codecs

        /// The next element; `nil` when the handler has returned.
        public mutating func next(isolation: isolated (any Actor)? = #isolation) async throws -> Element? {
            guard let frame = try await lifetime.receiver.next() else { return nil }
            return try codecs.value(of: frame)
        }
    }
}
