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
        /// How many bytes the bodies of retained messages may have together.
        public var retainedBytes: Int
        /// For how many topics it remembers the subscribers, so that it need not search for them at every message.
        public var cachedTopics: Int
        /// The clock that expiry is measured by. Another than the default is for tests.
        public var clock: any Clock<Duration>
        /// Where the addresses for replies come from; another source is for simulations.
        package var random = RandomSource.system

        /// By default immediate, 10,000 queues, 100,000 retained topics with 1 GiB together, and the subscribers of 4,096 topics remembered.
        public init(
            mode: Mode = .immediate,
            queueDefaults: QueueOptions = QueueOptions(),
            queues: Int = 10_000,
            retainedTopics: Int = 100_000,
            retainedBytes: Int = 1 << 30,
            cachedTopics: Int = 4_096,
            clock: any Clock<Duration> = ContinuousClock()
        ) {
            self.mode = mode
            self.queueDefaults = queueDefaults
            self.queues = queues
            self.retainedTopics = retainedTopics
            self.retainedBytes = retainedBytes
            self.cachedTopics = cachedTopics
            self.clock = clock
        }
    }
}
