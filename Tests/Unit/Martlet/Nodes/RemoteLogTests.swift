import Logging
import Martlet
import MartletTesting
import Testing

/// Logs that are read elsewhere.
@Suite(.timeLimit(.minutes(10))) struct RemoteLogTests {
    private func logger(_ log: RemoteLog, _ level: Logger.Level = .info) -> Logger {
        Logger(label: "test") { _ in RemoteLogHandler(log, level: level) }
    }

    @Test func recordsAreReadElsewhere() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect()
        let entries = try await broker.connect().subscribe(to: Topic<LogEntry>("cellar.logs"))
        let log = RemoteLog(to: Topic("cellar.logs"))
        var logger = logger(log)
        logger[metadataKey: "device"] = "pump"
        logger.debug("not this")
        logger.warning("it leaks", metadata: ["litres": "3"])
        try await withBackground {
            try await log.publish(on: connection)
        } _: {
            let entry = try #require(try await entries.next()?.value)
            #expect(entry.message == "it leaks")
            #expect(entry.level == .warning)
            #expect(entry.metadata == ["device": "pump", "litres": "3"])
            #expect(abs(entry.timestamp - LogEntry(level: .info, message: "").timestamp) < 600_000_000_000)
            logger.error("now")
            #expect(try await entries.next()?.value.message == "now")
        }
        #expect(log.dropped == 0)
    }

    @Test func theOldestAreDroppedAndCounted() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect()
        let entries = try await broker.connect().subscribe(to: Topic<LogEntry>("logs"))
        let log = RemoteLog(to: Topic("logs"))
        let logger = logger(log)
        for number in 0..<1_000 { logger.info("\(number)") }
        #expect(log.dropped == 744)
        try await withBackground {
            try await log.publish(on: connection)
        } _: {
            let first = try #require(try await entries.next()?.value)
            #expect(first.message == "744")
            #expect(first.dropped == 744)
            for number in 745..<1_000 {
                let entry = try await entries.next()?.value
                #expect(entry?.message == "\(number)")
                #expect(entry?.dropped == 0)
            }
        }
    }

    /// A connection that logs by the same handler, as with a handler for the whole process.
    @Test func whatPublishingItselfLogsIsLeftOut() async throws {
        let broker = MemoryBroker()
        let log = RemoteLog(to: Topic("logs"))
        let inner = try await broker.connect()
        let chatty = ChattyConnection(inner, logger: logger(log, .trace))
        let entries = try await inner.subscribe(to: Topic<LogEntry>("logs"))
        logger(log).info("one")
        try await withBackground {
            try await log.publish(on: chatty)
        } _: {
            let first = try await entries.next()?.value.message
            #expect(first == "one")
            logger(log).info("two")
            #expect(try await entries.next()?.value.message == "two")
        }
    }

    @Test func withoutALinkRecordsWait() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect()
        let entries = try await broker.connect().subscribe(to: Topic<LogEntry>("logs"))
        let log = RemoteLog(to: Topic("logs"))
        connection.cut()
        try await withBackground {
            try await log.publish(on: connection)
        } _: {
            for number in 0..<3 { logger(log).info("\(number)") }
            try await Task.sleep(for: .milliseconds(20))
            connection.restore()
            for number in 0..<3 { #expect(try await entries.next()?.value.message == "\(number)") }
        }
        #expect(log.dropped == 0)
    }

    @Test func longTextsAreCutWhereACharacterEnds() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect()
        let entries = try await broker.connect().subscribe(to: Topic<LogEntry>("logs"))
        let log = RemoteLog(to: Topic("logs"))
        logger(log).info(
            "a\(String(repeating: "é", count: 5_000))",
            metadata: ["x": "\(String(repeating: "y", count: 9_000))"]
        )
        try await withBackground {
            try await log.publish(on: connection)
        } _: {
            let entry = try #require(try await entries.next()?.value)
            #expect(entry.message == "a" + String(repeating: "é", count: 2_047))
            #expect(entry.metadata["x"]?.utf8.count == 1_024)
        }
    }

    @Test func muchThatBelongsToARecordIsCutToo() async throws {
        let broker = MemoryBroker()
        let connection = try await broker.connect()
        let entries = try await broker.connect().subscribe(to: Topic<LogEntry>("logs"))
        let log = RemoteLog(to: Topic("logs"))
        var metadata: Logger.Metadata = ["0\(String(repeating: "k", count: 100_000))": "v"]
        for number in 0..<10_000 { metadata["n\(number)"] = "v" }
        logger(log).info("much", metadata: metadata)
        try await withBackground {
            try await log.publish(on: connection)
        } _: {
            let entry = try #require(try await entries.next()?.value)
            #expect(entry.metadata.count == 64)
            #expect(entry.metadata.keys.map(\.utf8.count).max() == 256)
        }
    }

    /// Its publishing is cut off in the middle: it may have arrived, and is not published again.
    @Test func aRecordThatIsCutOffIsCounted() async throws {
        try await withHeldUpRecord { log, connection, full, clock, publishing async throws in
            await until { clock.deadlines.contains { $0.offset == .seconds(5) } }
            clock.advance(by: .seconds(5))
            await #expect(throws: CancellationError.self) { try await publishing.value }
            #expect(log.dropped == 1)
            try await withBackground {
                try await log.publish(on: connection)
            } _: {
                #expect(try await full.next()?.message.text?.contains(#""message":"0""#) == true)
                let last = try #require(try await full.next()?.message.text)
                #expect(last.contains(#""message":"2""#))
                #expect(last.contains(#""dropped":1"#))
            }
        }
    }

    /// It has a while to be taken, and the one behind it waits for the next time.
    @Test func aRecordThatIsHeldUpIsPublishedAtTheEnd() async throws {
        try await withHeldUpRecord { log, connection, full, _, publishing async throws in
            #expect(try await full.next()?.message.text?.contains(#""message":"0""#) == true)
            #expect(try await full.next()?.message.text?.contains(#""message":"1""#) == true)
            await #expect(throws: CancellationError.self) { try await publishing.value }
            #expect(log.dropped == 0)
            try await withBackground {
                try await log.publish(on: connection)
            } _: {
                let last = try await full.next()?.message.text
                #expect(last?.contains(#""message":"2""#) == true)
            }
        }
    }

    /// Runs a body when the second of three records is held up by a reader, and the task that publishes them is cancelled.
    private func withHeldUpRecord(
        _ body: (RemoteLog, MemoryConnection, Subscription, TestClock, Task<Void, any Error>) async throws -> Void
    ) async throws {
        let broker = MemoryBroker()
        let clock = TestClock()
        let connection = try await broker.connect(options: ConnectionOptions(clock: clock))
        // Nobody reads: the first record fills it, and the next one is held up.
        let full = try await broker.connect().subscribe(to: "logs", options: SubscribeOptions(limit: 1))
        let log = RemoteLog(to: Topic("logs"))
        for number in 0..<3 { logger(log).info("\(number)") }
        let publishing = Task { try await log.publish(on: connection) }
        await until { full.waiting == 2 }
        publishing.cancel()
        try await body(log, connection, full, clock, publishing)
    }

    @Test func aNodePublishesItsLogFromItsFirstRecord() async throws {
        let fixture = try await NodeFixture()
        let entries = try await fixture.peer.subscribe(to: Topic<LogEntry>("arm.logs"))
        let options = NodeOptions(heartbeat: nil, device: "robot", log: .from(.debug))
        let node = fixture.node(options: options) {
            Subscribe(to: "a") { (_: Delivery) in throw Fault() }
            LoggingComponent()
        }
        try await running(node) {
            var seen: [String: LogEntry] = [:]
            try await fixture.peer.publish(Message(), to: "a")
            while seen["hello"] == nil || seen["a handler threw an error"] == nil,
                let entry = try await entries.next()?.value
            {
                seen[entry.message] = entry
            }
            #expect(seen["the node runs"] != nil)
            #expect(seen["hello"]?.level == .debug)
            #expect(seen["hello"]?.metadata["node"] == "arm")
            #expect(seen["hello"]?.metadata["device"] == "robot")
            #expect(seen["hello"]?.metadata["component"] == "LoggingComponent")
        }
        // It goes on being logged where it was.
        #expect(fixture.logs.lines.contains { $0.hasPrefix("the node has ended") })
    }

    /// Cancelled at any moment: what it says last is published all the same.
    @Test(arguments: 0..<100) func theLastRecordsOfANodeAreReadElsewhereToo(_ turns: Int) async throws {
        let fixture = try await NodeFixture()
        let entries = try await fixture.peer.subscribe(to: "arm.logs")
        let node = fixture.node(options: NodeOptions(heartbeat: nil, log: .from(.info))) { LoggingComponent() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await node.run() }
            for _ in 0..<turns { await Task.yield() }
            group.cancelAll()
        }
        let count = entries.waiting
        var last: String?
        for _ in 0..<count { last = try await entries.next()?.message.text }
        #expect(last?.contains(#""message":"the node has ended""#) == true)
    }
}

private struct LoggingComponent: Component {
    func run(in context: NodeContext) async throws { context.logger.debug("hello") }
}

/// Logs each publish, in the task that publishes.
private actor ChattyConnection: Connection {
    private let inner: MemoryConnection
    private let logger: Logger

    init(_ inner: MemoryConnection, logger: Logger) {
        self.inner = inner
        self.logger = logger
    }

    nonisolated var runtime: ConnectionRuntime { inner.runtime }
    nonisolated var capabilities: Capabilities { inner.capabilities }

    nonisolated func publish(_ message: Message, to topic: TopicName, options: PublishOptions) async throws {
        logger.trace("published", metadata: ["topic": "\(topic)"])
        try await inner.publish(message, to: topic, options: options)
    }

    func subscribe(to pattern: TopicPattern, options: SubscribeOptions) async throws -> Subscription {
        try await inner.subscribe(to: pattern, options: options)
    }

    nonisolated func send(_ message: Message, to queue: QueueName, options: SendOptions) async throws {
        try await inner.send(message, to: queue, options: options)
    }

    func consume(from queue: QueueName, options: ConsumeOptions) async throws -> Subscription {
        try await inner.consume(from: queue, options: options)
    }

    func openReplyAddress(
        _ receive: @escaping @Sendable (_ reply: Message, _ address: String) -> Void
    ) async throws -> ReplyAddress {
        try await inner.openReplyAddress(receive)
    }

    nonisolated func reply(_ message: Message, to address: String) async throws {
        try await inner.reply(message, to: address)
    }

    func close() async { await inner.close() }
}
