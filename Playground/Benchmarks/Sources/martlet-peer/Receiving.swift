import Martlet
import PeerJob

/// One loop reads what another program sends flat out.
struct Receiving {
    private let job: Job

    init(_ job: Job) { self.job = job }

    /// The connection has as many subscriptions as the window; all messages are for one of them.
    func subscribe() async throws {
        let broker = try await job.connect()
        var others: [Subscription] = []
        for number in 1..<job.window {
            others.append(try await broker.subscribe(to: TopicPattern("bench.other.\(number)")))
        }
        try await read(broker.subscribe(to: TopicPattern(job.topic)), acknowledge: false)
        withExtendedLifetime(others) {}
        await broker.close()
    }

    func consume() async throws {
        let broker = try await job.connect()
        try await read(broker.consume(from: job.queue, options: ConsumeOptions(prefetch: 256)), acknowledge: true)
        try await broker.deleteQueue(job.queue)
        await broker.close()
    }

    /// From the first message to the last.
    private func read(_ subscription: Subscription, acknowledge: Bool) async throws {
        Report.ready()
        var start = ContinuousClock.now
        var count = 0
        for try await delivery in subscription {
            if count == 0 { start = .now }
            if acknowledge { try delivery.ack() }
            count += 1
            if count == job.count { break }
        }
        Report.figures(job.count, in: .now - start)
    }
}
