extension MemoryBroker {
    /// How an embedded broker behaves. Everything it keeps has a limit.
    public struct Options: Sendable {
        /// When messages are delivered.
        public var mode: Mode
        /// How queues behave that nobody declared.
        public var queueDefaults: QueueOptions
        /// How many queues there may be.
        public var queues: Int
        /// For how many topics a message may be retained.
        public var retainedTopics: Int
        /// For how many topics it remembers who subscribes, so as not to look for them at every message.
        public var cachedTopics: Int
        /// What measures expiry; another clock is for tests.
        public var clock: any Clock<Duration>

        /// Immediate, 10,000 queues, 100,000 retained topics, unless told.
        public init(
            mode: Mode = .immediate,
            queueDefaults: QueueOptions = QueueOptions(),
            queues: Int = 10_000,
            retainedTopics: Int = 100_000,
            cachedTopics: Int = 4_096,
            clock: any Clock<Duration> = ContinuousClock()
        ) {
            self.mode = mode
            self.queueDefaults = queueDefaults
            self.queues = queues
            self.retainedTopics = retainedTopics
            self.cachedTopics = cachedTopics
            self.clock = clock
        }
    }
}
