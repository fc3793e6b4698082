import CRabbitMQ
import Martlet

/// How a consumer comes by its queue: by declaring it, or, where that is refused, as it is. A pure value.
///
/// To declare a queue needs a right (`configure`) that to look at it, or to consume it, does not.
struct QueueAccess {
    enum Step: Sendable, Hashable {
        /// Declares the queue and binds it: it exists afterwards.
        case declare
        /// Asks whether it is a stream, which is nothing to be consumed as a queue.
        case ask
        /// Looks whether it exists, and binds it.
        case look
        /// Takes it as it is.
        case use
    }

    /// What it is wanted for.
    enum Purpose: Sendable, Hashable {
        case send
        case consume
        /// Only this consumer makes it: then there is no other way to have it.
        case own
    }

    enum Next {
        /// Try again, by ``QueueAccess/step``.
        case again
        case fail(MessagingError)
    }

    /// What is to be done now. What has worked is where the next attempt begins.
    private(set) var step: Step
    /// Whether it was found to be gone since it was last had.
    private(set) var wasMissing = false
    private let purpose: Purpose
    /// Why it may not be declared.
    private var forbidden: MessagingError?
    private var question: StreamQuestion?
    private var attempts = 0

    init(to purpose: Purpose) {
        self.purpose = purpose
        step = .declare
    }

    /// What is asked of the broker before the queue is consumed.
    mutating func methods(for queue: AMQPQueue, _ bindings: [ClientMethod]) -> [ClientMethod] {
        switch step {
        case .declare: return [.declareQueue(queue, passive: false)] + bindings
        case .ask:
            let question = question ?? StreamQuestion(queue.name)
            self.question = question
            return question.methods + bindings
        case .look: return [.declareQueue(queue, passive: true)] + bindings
        case .use: return []
        }
    }

    /// It has worked.
    mutating func succeeded() {
        attempts = 0
        wasMissing = false
    }

    /// The next attempt is to find out whether the queue is still there.
    mutating func looksFirst() { if step == .declare { step = .look } }

    /// It was refused.
    mutating func next(after error: MessagingError) -> Next {
        if error.isOfAbsentNode {
            // It exists, and is come by in the same way later.
            attempts = 0
            return .fail(error)
        }
        attempts += 1
        guard attempts < 8, let cause = error.cause as? AMQPReplyError, let next = step(after: cause) else {
            defer { self = QueueAccess(to: purpose) }
            return .fail(reason(error))
        }
        if step != .declare, cause.code == AMQPReplyError.notFound { wasMissing = true }
        if step == .declare, cause.code == AMQPReplyError.accessRefused { forbidden = error }
        step = next
        return .again
    }

    private mutating func step(after cause: AMQPReplyError) -> Step? {
        // What the consumer itself is refused for has nothing to do with how the queue is come by.
        let isConsumers = cause.method == AMQP_BASIC_CONSUME_METHOD
        return switch (step, cause.code) {
        // It exists, and is declared otherwise: by a peer, which is as good, unless it is a stream.
        case (.declare, AMQPReplyError.preconditionFailed):
            purpose == .consume && cause.difference?.argument != "x-queue-type" ? .ask : .look
        case (.ask, AMQPReplyError.preconditionFailed): question?.answer(cause) == .again ? .ask : .look
        case (.ask, AMQPReplyError.notFound): .declare
        case (.ask, _): .look
        case (.declare, AMQPReplyError.accessRefused) where !isConsumers && purpose != .own: .look
        case (.look, AMQPReplyError.accessRefused) where !isConsumers && purpose != .own: .use
        // It is gone, or went in between.
        case (.declare, AMQPReplyError.notFound) where isConsumers: .declare
        case (.look, AMQPReplyError.notFound), (.use, AMQPReplyError.notFound): forbidden == nil ? .declare : nil
        default: nil
        }
    }

    /// Why it can't be had: that it may not be declared says more than that it does not exist.
    private func reason(_ error: MessagingError) -> MessagingError {
        guard error.amqpReplyCode == AMQPReplyError.notFound, let forbidden else { return error }
        return MessagingError(
            forbidden.code,
            "the queue does not exist, and to declare it: \(forbidden.message)",
            cause: forbidden.cause
        )
    }
}
