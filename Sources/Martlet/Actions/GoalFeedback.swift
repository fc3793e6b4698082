/// The feedback of one goal, as an asynchronous sequence with one reader. It ends when the goal has.
///
/// Reading it asks the server about the goal once a second or as often as its ``LostClientPolicy`` needs, so that it
/// ends whatever messages are lost. Messages that are no such feedback are skipped, and counted in
/// ``ConnectionStatistics/undecodable``. A reader that is 256 messages behind loses the oldest. Cancelling the reading
/// task throws `CancellationError` and leaves the goal as it is.
public struct GoalFeedback<Element: Codable & Sendable>: AsyncSequence, Sendable {
    /// It throws ``MessagingError/Code/unknownGoal`` if the server does not know the goal; if the server does not
    /// answer for the timeout that the goal was sent with, ``MessagingError/Code/noResponder`` or
    /// ``MessagingError/Code/timeout``; or `CancellationError`.
    public typealias Failure = any Error

    let subscription: Subscription
    let inquiry: GoalInquiry<AnyResult>

    /// How many messages of the action were dropped because the reader was too slow.
    public var dropped: Int { subscription.dropped }

    /// Reads the feedback. Only one task may read at a time.
    public func makeAsyncIterator() -> Iterator {
        Iterator(subscription: subscription, inquiry: inquiry)
    }

    /// Reads a goal's feedback.
    public struct Iterator: AsyncIteratorProtocol {
        private let subscription: Subscription
        private var inquiry: GoalInquiry<AnyResult>
        private var hasEnded = false
        /// Until when the goal's last words are waited for, once the server has answered that it is over.
        private var listensUntil: Duration?
        /// Whether something of the goal has come by its topics, so that its last words are on their way as well.
        private var hasHeard = false
        /// Why the server could not be asked: thrown when what has arrived before that has been read, unless the server has
        /// said something meanwhile.
        private var failure: MessagingError?
        /// How many messages had come before it was asked, which say nothing of whether it is still there.
        private var earlier = 0

        fileprivate init(subscription: Subscription, inquiry: GoalInquiry<AnyResult>) {
            self.subscription = subscription
            self.inquiry = inquiry
        }

        /// The next feedback; `nil` when the goal has ended and what came before has been read.
        public mutating func next(isolation: isolated (any Actor)? = #isolation) async throws -> Element? {
            while true {
                try Task.checkCancellation()
                if !hasEnded, failure == nil, listensUntil == nil, inquiry.timers.now >= inquiry.nextAsk {
                    earlier = subscription.waiting
                    do {
                        // The answer may have overtaken what was published before it.
                        if case .ended = try await inquiry.askPatiently() {
                            listensUntil = inquiry.timers.now + ActionTiming.interval
                        }
                    } catch let error as MessagingError {
                        // The server may have said that the goal has ended, and gone since.
                        failure = error
                    }
                }
                if let delivery = subscription.nextIfReady() {
                    if let feedback = take(delivery) { return feedback }
                    continue
                }
                if hasEnded || listensUntil != nil && !hasHeard { return nil }
                if let failure = failure.take() { throw failure }
                switch try await subscription.next(until: listensUntil ?? inquiry.nextAsk, inquiry.timers) {
                case .delivery(let delivery):
                    if let feedback = take(delivery) { return feedback }
                case .nothing:
                    if listensUntil != nil { hasEnded = true }
                case .end where listensUntil != nil: hasEnded = true
                case .end: throw MessagingError.closed
                }
            }
        }

        /// Takes in a message; the feedback if it is one of this goal's.
        private mutating func take(_ delivery: Delivery) -> Element? {
            let runtime = inquiry.connection.runtime
            let isNew = earlier == 0
            if !isNew { earlier -= 1 }
            switch delivery.topic {
            case inquiry.names.feedback:
                if let other = delivery.message.headers.goalID, other != inquiry.id { return nil }
                let body: FeedbackMessage<Element>? = try? runtime.decode(delivery.message, from: delivery.topic.text)
                guard let body, GoalID(body.goalID) == inquiry.id else { return nil }
                heard(isNew)
                return body.feedback
            case inquiry.names.status:
                guard let status = runtime.status(of: inquiry.id, in: delivery) else { return nil }
                heard(isNew)
                if status.isTerminal { hasEnded = true }
                return nil
            default:
                return nil
            }
        }

        /// The server has said something of the goal.
        ///
        /// - Parameter isNew: whether it came after the server was asked.
        private mutating func heard(_ isNew: Bool) {
            hasHeard = true
            if isNew, failure?.isRetriable == true { failure = nil }
        }
    }
}
