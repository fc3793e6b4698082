import Martlet
import MartletAMQP
import PeerJob

/// One task publishes as fast as it can.
struct Publishing {
    private let job: Job

    init(_ job: Job) { self.job = job }

    /// Until the broker has taken all.
    func unconfirmed() async throws {
        let broker = try await job.connect()
        let message = job.message
        let start = ContinuousClock.now
        for _ in 0..<job.count { try await broker.publish(message, to: job.topic) }
        // Confirmed after all that went before it on the same way.
        try await broker.beginPublishing(message, to: job.topic, options: PublishOptions(guarantee: strongest)).wait()
        Report.figures(job.count, in: .now - start)
        await broker.close()
    }

    /// The same on as many connections at a time as the window, each with a task of its own.
    ///
    /// - Parameter onOneThread: whether one thread serves all of them, or each has its own.
    func onConnections(onOneThread: Bool) async throws {
        let message = job.message
        var brokers = [try await job.connect()]
        let thread = onOneThread ? brokers[0].taskExecutor : nil
        for _ in 1..<job.window { brokers.append(try await job.connect(thread: thread)) }
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for broker in brokers {
                group.addTask {
                    for _ in 0..<job.count / job.window { try await broker.publish(message, to: job.topic) }
                    try await broker.publish(message, to: job.topic, options: PublishOptions(guarantee: strongest))
                }
            }
            try await group.waitForAll()
        }
        Report.figures(job.count / job.window * job.window, in: .now - start)
        for broker in brokers { await broker.close() }
    }

    /// As many as the window are not confirmed at a time; on the global pool.
    @concurrent
    func confirmed() async throws {
        let broker = try await job.connect()
        try await confirmed(on: broker)
    }

    /// The same on the thread that serves the connection's socket.
    func confirmedOnLoop() async throws {
        let broker = try await job.connect()
        try await withTaskExecutorPreference(broker.taskExecutor) { try await confirmed(on: broker) }
    }

    private func confirmed(on broker: any Connection) async throws {
        let bounded = try await boundedQueue(on: broker)
        let message = job.message
        let options = PublishOptions(guarantee: strongest)
        let start = ContinuousClock.now
        var open: [Confirmation] = []
        open.reserveCapacity(job.window)
        for number in 0..<job.count {
            let confirmation = try await broker.beginPublishing(message, to: job.topic, options: options)
            if open.count < job.window {
                open.append(confirmation)
            } else {
                let oldest = number % job.window
                try await open[oldest].wait()
                open[oldest] = confirmation
            }
        }
        for index in open.indices { try await open[(job.count + index) % open.count].wait() }
        Report.figures(job.count, in: .now - start)
        if let bounded { try await bounded.deleteQueue("bench.bounded") }
        await broker.close()
    }

    /// Redis answers each message, which is all that its topics give.
    private var strongest: Guarantee { job.transport == .redis ? .atMostOnce : .atLeastOnce }

    /// As the program in C, on AMQP: a queue that the messages reach; it keeps the newest thousand.
    private func boundedQueue(on broker: any Connection) async throws -> AMQPConnection? {
        guard let broker = broker as? AMQPConnection else { return nil }
        var queue = AMQPQueue("bench.bounded", isDurable: false)
        queue.arguments["x-max-length"] = .int32(1_000)
        try await broker.declare(queue)
        try await broker.bindQueue(AMQPBinding(from: "amq.topic", to: "bench.bounded", routingKey: "bench.topic"))
        return broker
    }
}
