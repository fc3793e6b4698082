import Histogram
import Martlet
import MartletConsole

/// Two connections that send messages to each other, and what that takes.
struct BenchRig: Sendable {
    /// Where messages set out, and calls are made.
    let near: any Connection
    /// Where they arrive.
    let far: any Connection
    /// How many bytes a message has.
    let size: Int
    /// Of this run alone, so that two of them do not meet.
    private let name = "martlet.bench.\(String(UInt32.random(in: .min ... .max), radix: 36))"

    init(near: any Connection, far: any Connection, size: Int) {
        self.near = near
        self.far = far
        self.size = size
    }

    /// - Parameter progress: called now and then with how many have come.
    func measure(
        _ part: BenchCommand.Part,
        _ count: Int,
        inFlight: Int,
        progress: (Int) -> Void
    ) async throws -> BenchFigures {
        switch part {
        case .pubsub:
            let topic = TopicName("\(name).topic")
            let subscription = try await far.subscribe(
                to: TopicPattern(topic),
                options: .passing(limit: 1_024, overflow: .suspend)
            )
            return try await flow(count, inFlight: inFlight, progress, from: subscription) {
                try await near.publish($0, to: topic)
            }
        case .queue:
            let queue = QueueName("\(name).queue")
            let subscription = try await far.consume(from: queue, options: ConsumeOptions(prefetch: inFlight))
            defer { subscription.finish() }
            let figures = try await flow(count, inFlight: inFlight, progress, from: subscription) {
                try await near.send($0, to: queue)
            }
            // Where queues outlive those who use them, one of each run would be left behind.
            try await near.deleteQueue(queue)
            return figures
        case .rpc:
            return try await calls(count, callers: inFlight, progress)
        }
    }

    /// One sends and another receives. The receiver gives a credit back for each message that has come.
    private func flow(
        _ count: Int,
        inFlight: Int,
        _ progress: (Int) -> Void,
        from subscription: Subscription,
        send: @escaping @Sendable (Message) async throws -> Void
    ) async throws -> BenchFigures {
        // It never holds more than there are in flight.
        let (credits, giving) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingOldest(inFlight))
        for _ in 0..<inFlight { giving.yield() }
        var latencies = BenchFigures.latencies()
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var sent = 0
                for await _ in credits {
                    try await send(Message(BenchStamp.body(size)))
                    sent += 1
                    if sent == count { break }
                }
            }
            defer { group.cancelAll() }
            var received = 0
            var deliveries = subscription.makeAsyncIterator()
            while received < count, let delivery = try await deliveries.next() {
                try delivery.ack()
                guard let age = BenchStamp.age(of: delivery.message.body) else { continue }
                latencies.record(min(age, latencies.highestTrackableValue))
                received += 1
                giving.yield()
                if received % 128 == 0 || received == count { progress(received) }
            }
            try await group.next()
        }
        return BenchFigures(inFlight: inFlight, duration: ContinuousClock.now - start, latencies: latencies)
    }

    private func calls(_ count: Int, callers: Int, _ progress: (Int) -> Void) async throws -> BenchFigures {
        let procedure = QueueName("\(name).call")
        let node = Node("bench", on: far, options: NodeOptions(heartbeat: nil)) {
            Respond(to: procedure, options: RespondOptions(concurrency: max(100, callers))) { $0 }
        }
        let each = max(1, count / callers)
        // The node runs its body in a task of its own, from which what is shown can't be reached: the steps come by a
        // stream of which the latest is enough.
        let (steps, telling) = AsyncStream<Int>.makeStream(bufferingPolicy: .bufferingNewest(1))
        return try await withThrowingTaskGroup(of: BenchFigures.self) { group in
            group.addTask {
                defer { telling.finish() }
                return try await node.whileRunning {
                    try await call(procedure, each, callers: callers) { telling.yield($0 * callers) }
                }
            }
            for await step in steps { progress(min(step, count)) }
            progress(count)
            guard let figures = try await group.next() else { throw CancellationError() }
            return figures
        }
    }

    /// - Parameter progress: called with how many calls one of the callers has made.
    private func call(
        _ procedure: QueueName,
        _ each: Int,
        callers: Int,
        progress: @escaping @Sendable (Int) -> Void
    ) async throws -> BenchFigures {
        let start = ContinuousClock.now
        let latencies = try await withThrowingTaskGroup(of: BenchFigures.Latencies.self) { group in
            for caller in 0..<callers {
                group.addTask {
                    var latencies = BenchFigures.latencies()
                    for index in 0..<each {
                        let body = BenchStamp.body(size)
                        _ = try await near.call(procedure, Message(body))
                        latencies.record(min(BenchStamp.age(of: body) ?? 0, latencies.highestTrackableValue))
                        if caller == 0, index % 32 == 0 { progress(index + 1) }
                    }
                    return latencies
                }
            }
            return try await group.reduce(into: BenchFigures.latencies()) { $0.add($1) }
        }
        return BenchFigures(inFlight: callers, duration: ContinuousClock.now - start, latencies: latencies)
    }
}
