import Martlet

/// Calls of a procedure that returns what it is given.
struct Calling {
    private let job: Job

    init(_ job: Job) { self.job = job }

    /// Serves until it is killed.
    func echo() async throws {
        let broker = try await job.connect()
        let node = Node("echo", on: broker, options: NodeOptions(heartbeat: nil)) {
            Respond(to: job.requests) { $0 }
        }
        try await node.whileRunning {
            Report.ready()
            try await Task.sleep(for: .seconds(86_400))
        }
    }

    /// As many tasks as the window, on the global pool.
    func callers() async throws {
        let broker = try await job.connect()
        _ = try await call(broker, 10)
        let each = job.count / job.window
        let start = ContinuousClock.now
        let latencies = try await withThrowingTaskGroup(of: [Duration].self) { group in
            for _ in 0..<job.window { group.addTask { try await call(broker, each) } }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        Report.figures(latencies.count, in: .now - start, latencies: latencies)
        await broker.close()
    }

    /// One task on the thread that serves the connection's socket.
    func onLoop() async throws {
        let broker = try await job.connect()
        _ = try await broker.callFromHere(job.requests, job.message, 10)
        let start = ContinuousClock.now
        let latencies = try await broker.callFromHere(job.requests, job.message, job.count)
        Report.figures(latencies.count, in: .now - start, latencies: latencies)
        await broker.close()
    }

    private func call(_ broker: any Connection, _ count: Int) async throws -> [Duration] {
        try await latencies(of: broker, job.requests, job.message, count)
    }
}

/// Runs where its caller runs.
private func latencies(
    of broker: any Connection,
    _ name: QueueName,
    _ message: Message,
    _ count: Int
) async throws -> [Duration] {
    var latencies: [Duration] = []
    latencies.reserveCapacity(count)
    for _ in 0..<count {
        let start = ContinuousClock.now
        _ = try await broker.call(name, message)
        latencies.append(.now - start)
    }
    return latencies
}

extension Connection {
    /// Being a method of the connection's, it runs on the connection's thread.
    fileprivate func callFromHere(_ name: QueueName, _ message: Message, _ count: Int) async throws -> [Duration] {
        try await latencies(of: self, name, message, count)
    }
}
