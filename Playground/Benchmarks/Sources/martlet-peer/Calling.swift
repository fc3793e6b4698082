import Martlet
import PeerJob

/// Calls of a procedure that returns what it is given.
struct Calling {
    private let job: Job

    init(_ job: Job) { self.job = job }

    /// Serves until it is killed, on the global pool.
    func echo() async throws {
        try await serve(job.connect())
    }

    /// Serves until it is killed, on the thread that serves the connection's socket.
    func echoOnLoop() async throws {
        let broker = try await job.connect()
        try await withTaskExecutorPreference(broker.taskExecutor) { try await serve(broker) }
    }

    private func serve(_ broker: any Connection) async throws {
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
        let latencies = try await withTaskExecutorPreference(broker.taskExecutor) {
            _ = try await call(broker, 10)
            return try await call(broker, job.count)
        }
        Report.figures(latencies.count, in: latencies.reduce(.zero, +), latencies: latencies)
        await broker.close()
    }

    private func call(_ broker: any Connection, _ count: Int) async throws -> [Duration] {
        let message = job.message
        var latencies: [Duration] = []
        latencies.reserveCapacity(count)
        for _ in 0..<count {
            let start = ContinuousClock.now
            _ = try await broker.call(job.requests, message)
            latencies.append(.now - start)
        }
        return latencies
    }
}
