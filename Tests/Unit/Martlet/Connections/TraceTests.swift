import Logging
import Martlet
import MartletTesting
import Testing

/// What a connection logs of each message where its log asks for that.
@Suite(.timeLimit(.minutes(10))) struct TraceTests {
    private struct Count: Codable, Sendable { var target = 0 }

    private func connect(_ broker: MemoryBroker, _ logs: LogRecorder) async throws -> MemoryConnection {
        try await broker.connect(options: ConnectionOptions(logger: logs.logger))
    }

    @Test func eachMessageIsLoggedWithItsNameSizeAndIDs() async throws {
        let logs = LogRecorder(level: .trace)
        let connection = try await connect(MemoryBroker(), logs)
        let topics = try await connection.subscribe(to: "a.*")
        try await connection.publish(Message("12345"), to: "a.b")
        _ = try await topics.next()
        let jobs = try await connection.consume(from: "jobs")
        var job = Message("1")
        job.headers.messageID = "m7"
        for _ in 0..<3 { try await connection.send(job, to: "jobs") }
        try await jobs.next()?.ack()
        try await jobs.next()?.nack(requeue: false)
        do {
            let last = try #require(try await jobs.next())
            try last.nack(requeue: true)
            #expect(throws: MessagingError.self) { try last.ack() }
        }
        #expect(
            logs.lines.filter { $0.contains("bytes") } == [
                "publishing bytes=5 name=a.b", "delivered bytes=5 name=a.b",
                "sending bytes=1 message-id=m7 name=jobs", "sending bytes=1 message-id=m7 name=jobs",
                "sending bytes=1 message-id=m7 name=jobs", "delivered bytes=1 message-id=m7 name=jobs",
                "acknowledged bytes=1 message-id=m7 name=jobs", "delivered bytes=1 message-id=m7 name=jobs",
                "rejected bytes=1 message-id=m7 name=jobs", "delivered bytes=1 message-id=m7 name=jobs",
                "given back bytes=1 message-id=m7 name=jobs",
            ]
        )
    }

    @Test func aCallIsFoundByItsIDOnBothSides() async throws {
        let broker = MemoryBroker()
        let (here, there) = (LogRecorder(level: .trace), LogRecorder(level: .trace))
        let caller = try await connect(broker, here)
        let node = Node("there", on: try await connect(broker, there), options: NodeOptions(heartbeat: nil)) {
            Respond(to: RPC<Int, Int>("double")) { $0 * 2 }
        }
        try await node.whileRunning {
            let doubled = try await caller.call(RPC<Int, Int>("double"), 4)
            #expect(doubled == 8)
        }
        func ids(_ event: String, in logs: LogRecorder) -> [Substring] {
            logs.lines.filter { $0.hasPrefix(event) }.compactMap { line in
                line.split(separator: " ").first { $0.hasPrefix("correlation-id=") }
            }
        }
        let id = try #require(ids("sending", in: here).first)
        #expect(ids("delivered", in: there) == [id])
        #expect(ids("replying", in: there) == [id])
        #expect(ids("a reply came", in: here) == [id])
    }

    @Test func aGoalIsFoundByItsID() async throws {
        let broker = MemoryBroker()
        let (here, there) = (LogRecorder(level: .trace), LogRecorder(level: .trace))
        let client = try await connect(broker, here)
        let count = Action<Count, Int, Int>("count")
        let node = Node("there", on: try await connect(broker, there), options: NodeOptions(heartbeat: nil)) {
            Perform(count) { goal in goal.value.target }
        }
        try await node.whileRunning {
            let goal = try await client.send(Count(target: 3), to: count)
            #expect(try await goal.result == 3)
            #expect(here.lines.contains { $0.contains("goal-id=\(goal.id.text)") })
            #expect(there.lines.contains { $0.contains("goal-id=\(goal.id.text)") })
        }
    }

    @Test func othersLogNothing() async throws {
        let logs = LogRecorder(level: .debug)
        let connection = try await connect(MemoryBroker(), logs)
        let topics = try await connection.subscribe(to: "a.#")
        try await connection.publish(Message("12345"), to: "a.b")
        #expect(try await topics.next()?.rest == ["b"])
        #expect(logs.lines == [])
    }
}
