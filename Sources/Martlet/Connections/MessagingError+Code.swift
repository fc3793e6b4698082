extension MessagingError {
    /// The kind of an error. On the wire it is its ``rawValue``, of which at most 256 bytes travel; applications add codes
    /// of their own.
    public struct Code: RawRepresentable, Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
        /// How many bytes of a code travel to another peer.
        static var maximumBytes: Int { 256 }

        /// The code as it is on the wire, such as `no-responder`.
        public let rawValue: String

        /// A code of its text.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// A code of a literal.
        public init(stringLiteral text: String) { rawValue = text }
        /// The code as it is on the wire.
        public var description: String { rawValue }

        // What the caller got wrong.

        /// A topic's name is not valid.
        public static let invalidTopic: Code = "invalid-topic"
        /// A topic filter is not valid.
        public static let invalidFilter: Code = "invalid-filter"
        /// A queue's name is not valid.
        public static let invalidQueue: Code = "invalid-queue"
        /// An argument or option has no meaning (a negative timeout, a limit of zero).
        public static let invalidArgument: Code = "invalid-argument"
        /// The body is larger than the broker or the connection takes.
        public static let bodyTooLarge: Code = "body-too-large"
        /// The broker can't give what was asked for.
        public static let unsupported: Code = "unsupported"
        /// A subscription is read by two tasks at once; it has one reader.
        public static let concurrentIteration: Code = "concurrent-iteration"
        /// It runs already, or has run.
        public static let alreadyRunning: Code = "already-running"
        /// It does not run yet, or no longer.
        public static let notRunning: Code = "not-running"
        /// The delivery was settled before.
        public static let alreadySettled: Code = "already-settled"

        // What the content got wrong.

        /// A value could not be encoded.
        public static let encodingFailed: Code = "encoding-failed"
        /// A body could not be decoded.
        public static let decodingFailed: Code = "decoding-failed"
        /// No codec reads the message's content type.
        public static let unsupportedContentType: Code = "unsupported-content-type"

        // What the broker or the link did.

        /// The connection has no link to its broker at the moment.
        public static let notConnected: Code = "not-connected"
        /// The link was lost; what was asked for may or may not have happened.
        public static let connectionLost: Code = "connection-lost"
        /// The connection is closed for good.
        public static let connectionClosed: Code = "connection-closed"
        /// The broker, or a rule of it, refused.
        public static let refused: Code = "refused"
        /// The queue is full and its rule is to refuse.
        public static let queueFull: Code = "queue-full"

        // What the other side did.

        /// Nobody serves the RPC, the action or the queue.
        public static let noResponder: Code = "no-responder"
        /// The time allowed is over.
        public static let timeout: Code = "timeout"
        /// The handler threw an error without a code of its own.
        public static let handlerFailed: Code = "handler-failed"
        /// The other side cancelled, or was told to.
        public static let cancelled: Code = "cancelled"
        /// The responder is shutting down.
        public static let shuttingDown: Code = "shutting-down"
        /// Elements of a stream are missing.
        public static let streamBroken: Code = "stream-broken"
        /// The action server took on no goal: it is busy, or its queue of goals is full.
        public static let goalRejected: Code = "goal-rejected"
        /// The action server does not know the goal, or no longer.
        public static let unknownGoal: Code = "unknown-goal"
        /// The goal ended without a result.
        public static let goalAborted: Code = "goal-aborted"
        /// A handler did not stop in the time it had after it was cancelled.
        public static let handlerUnresponsive: Code = "handler-unresponsive"

        /// A bridge on the way lost the other side; what was asked for may or may not have happened.
        public static let bridgeFailed: Code = "bridge-failed"
        /// It came back to a bridge that had passed it on, or has passed as many bridges as it may.
        public static let loopDetected: Code = "loop-detected"

        static let retriable: Set<Code> = [
            .bridgeFailed, .notConnected, .connectionLost, .queueFull, .noResponder, .timeout, .shuttingDown,
            .goalRejected,
        ]
    }
}
