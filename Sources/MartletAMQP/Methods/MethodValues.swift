import Martlet
import Synchronization

/// The values of a method that answers with a stream, as they come. For one reader.
public struct MethodValues<Value: Decodable & Sendable>: AsyncSequence, Sendable {
    private let replies: ReplyQueue
    private let id: String
    private let style: MethodStyle
    private let timeout: Duration
    private let lateness: MessagingError
    private let timers: Timers

    init(
        _ replies: ReplyQueue,
        _ id: String,
        _ style: MethodStyle,
        _ timeout: Duration,
        _ lateness: MessagingError,
        _ timers: Timers
    ) {
        (self.replies, self.id, self.style) = (replies, id, style)
        (self.timeout, self.lateness, self.timers) = (timeout, lateness, timers)
    }

    /// Reads them.
    public func makeAsyncIterator() -> Iterator { Iterator(values: self) }

    /// Reads values.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let values: MethodValues
        private var hasEnded = false

        fileprivate init(values: MethodValues) {
            self.values = values
        }

        /// The next value; `nil` at the end.
        ///
        /// - Throws: as ``MethodClient/call(_:_:ordered:returning:)``.
        public mutating func next() async throws -> Value? {
            guard !hasEnded else { return nil }
            switch try await values.nextReply() {
            case .value(let value, let isLast):
                hasEnded = isLast
                return try value.value(as: Value.self)
            case .end:
                hasEnded = true
                return nil
            case .failure(let error):
                hasEnded = true
                throw error
            }
        }
    }

    private func nextReply() async throws -> MethodStyle.Reply {
        let consumer = replies.consumer
        let isLate = Mutex(false)
        // It ends the reading: what comes later is for nobody.
        let timer = timers.schedule(at: timers.now + timeout) {
            isLate.withLock { $0 = true }
            consumer.cancel()
        }
        defer { timers.cancel(timer) }
        while let delivery = try await consumer.next() {
            try? delivery.ack()
            guard delivery.message.properties.correlationID == id else { continue }
            return try style.read(delivery.message.body)
        }
        throw isLate.withLock { $0 } ? lateness : MessagingError.closed
    }
}
