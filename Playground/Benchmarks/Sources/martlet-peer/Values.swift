import Martlet
import PeerJob

/// Publish and subscribe through the broker in one process: with bytes, and with a struct of four fields.
struct Values {
    struct Reading: Codable, Sendable {
        var sensor = "kitchen.temperature"
        var sequence = 0
        var celsius = 21.5
        var isValid = true
    }

    private let job: Job

    init(_ job: Job) { self.job = job }

    /// Bytes: as many as the struct's JSON has.
    func raw() async throws {
        try await through { far in
            let subscription = try await far.subscribe(to: TopicPattern(job.topic))
            var count = 0
            for try await _ in subscription {
                count += 1
                if count == job.count { break }
            }
        } publish: { near in
            let message = Message(#"{"sensor":"kitchen.temperature","sequence":123456,"celsius":21.5,"isValid":true}"#)
            for _ in 0..<job.count { try await near.publish(message, to: job.topic) }
        }
    }

    func typed() async throws {
        let topic = Topic<Reading>(job.topic)
        try await through { far in
            let subscription = try await far.subscribe(to: topic)
            var count = 0
            for try await reading in subscription where reading.value.isValid {
                count += 1
                if count == job.count { break }
            }
        } publish: { near in
            for number in 0..<job.count { try await near.publish(Reading(sequence: number), to: topic) }
        }
    }

    private func through(
        _ read: @escaping @Sendable (any Connection) async throws -> Void,
        publish: @escaping @Sendable (any Connection) async throws -> Void
    ) async throws {
        let near = try await job.connect()
        let far = try await job.connect()
        // Whoever has subscribed first also gets what the other then tells: that all is ready.
        let ready = try await far.subscribe(to: "bench.ready")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await read(far) }
            _ = ready
            try await Task.sleep(for: .milliseconds(200))
            let start = ContinuousClock.now
            group.addTask { try await publish(near) }
            try await group.waitForAll()
            Report.figures(job.count, in: .now - start)
        }
        await near.close()
        await far.close()
    }
}
