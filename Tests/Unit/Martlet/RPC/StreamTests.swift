import Martlet
import MartletTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct StreamTests {
    let count = StreamingRPC<Int, Int>("ops.count")

    private func withCounter(
        clock: any Clock<Duration> = ContinuousClock(),
        written: Written = Written(),
        _ body: (MemoryBroker, MemoryConnection, Written) async throws -> Void
    ) async throws {
        let broker = MemoryBroker()
        let caller = try await broker.connect(options: ConnectionOptions(name: "caller", clock: clock))
        let server = try await broker.connect(options: ConnectionOptions(name: "server", clock: clock))
        try await withBackground {
            try await server.respond(to: self.count) { limit, writer in
                defer { written.end(cancelled: Task.isCancelled) }
                for number in 0..<limit {
                    if number == 13, limit == 14 { throw MessagingError("unlucky", "thirteen") }
                    try await writer.write(number)
                    written.add()
                }
            }
        } _: {
            await broker.waitForConsumers(of: "ops.count")
            try await body(broker, caller, written)
        }
    }

    final class Written: Sendable {
        private let state = Mutex((count: 0, ended: 0, cancelled: 0))
        func add() { state.withLock { $0.count += 1 } }
        func end(cancelled: Bool) {
            state.withLock {
                $0.ended += 1; $0.cancelled += cancelled ? 1 : 0
            }
        }
        var count: Int { state.withLock { $0.count } }
        var ended: Int { state.withLock { $0.ended } }
    }

    @Test(arguments: [0, 1, 63, 64, 65, 1_000])
    func everyElementArrivesInOrder(limit: Int) async throws {
        try await withCounter { _, caller, _ in
            var all: [Int] = []
            for try await number in try await caller.stream(self.count, limit) { all.append(number) }
            #expect(all == Array(0..<limit))
            #expect(caller.statistics == ConnectionStatistics())
        }
    }

    /// An element that is refused takes neither a place nor credit, also where several tasks write.
    @Test(arguments: [1, 2, 64], [1, 2])
    func aHandlerMayGoOnAfterAnElementThatIsRefused(window: Int, writers: Int) async throws {
        let broker = MemoryBroker()
        let caller = try await broker.connect(name: "caller")
        let server = try await broker.connect(options: ConnectionOptions(name: "server", maximumBodyBytes: 1_000))
        let texts = StreamingRPC<Int, String>("ops.texts")
        let refused = String(repeating: "x", count: 2_000)
        try await withBackground {
            try await server.respond(to: texts) { count, writer in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<writers {
                        group.addTask {
                            for number in 0..<count {
                                let code = await errorCode { try await writer.write(refused) }
                                #expect(code == .bodyTooLarge)
                                try await writer.write("\(number)")
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
        } _: {
            await broker.waitForConsumers(of: "ops.texts")
            var all: [String] = []
            let stream = try await caller.stream(texts, 100, timeout: .seconds(300), window: window)
            for try await text in stream { all.append(text) }
            #expect(all.sorted() == (0..<100).flatMap { Array(repeating: "\($0)", count: writers) }.sorted())
        }
    }

    @Test func theWriterIsNoMoreThanAWindowAhead() async throws {
        try await withCounter { _, caller, written in
            var iterator = try await caller.stream(self.count, 1_000, window: 10).makeAsyncIterator()
            #expect(try await iterator.next() == 0)
            await until { written.count == 10 }
            for _ in 0..<100 { await Task.yield() }
            #expect(written.count == 10)
            for number in 1...5 { #expect(try await iterator.next() == number) }
            await until { written.count >= 15 }
            for _ in 0..<100 { await Task.yield() }
            #expect(written.count <= 16)
        }
    }

    @Test func leavingTheLoopEndsTheHandler() async throws {
        try await withCounter { broker, caller, written in
            for try await number in try await caller.stream(self.count, 1_000_000) where number == 5 { break }
            await until { written.ended == 1 }
            await until { broker.queue("ops.count")?.unsettled == 0 }
            #expect(caller.statistics.callsInFlight == 0)
        }
    }

    @Test func cancellingTheReaderEndsTheHandler() async throws {
        try await withCounter { _, caller, written in
            let reader = Task {
                for try await _ in try await caller.stream(self.count, 1_000_000_000) {}
            }
            await until { written.count > 100 }
            reader.cancel()
            await #expect(throws: CancellationError.self) { try await reader.value }
            await until { written.ended == 1 }
        }
    }

    @Test func errorsEndTheStreamAfterWhatCameBefore() async throws {
        try await withCounter { _, caller, _ in
            var all: [Int] = []
            let error = await #expect(throws: MessagingError.self) {
                for try await number in try await caller.stream(self.count, 14) { all.append(number) }
            }
            #expect(error?.code == "unlucky")
            #expect(all == Array(0..<13))
        }
    }

    @Test func nobodyThereIsAnErrorAtOnce() async throws {
        let caller = try await MemoryBroker().connect(name: "caller")
        #expect(await errorCode { _ = try await caller.stream(self.count, 1) } == .noResponder)
        #expect(await errorCode { _ = try await caller.stream(self.count, 1, window: 0) } == .invalidArgument)
        #expect(caller.statistics.callsInFlight == 0)
    }

    /// A writer that says nothing is given up by its reader, one whose reader died gives up itself.
    @Test func silenceEndsBothSides() async throws {
        let clock = TestClock()
        let broker = MemoryBroker()
        let caller = try await broker.connect(options: ConnectionOptions(name: "caller", clock: clock))
        let server = try await broker.connect(options: ConnectionOptions(name: "server", clock: clock))
        let written = Written()
        try await withBackground {
            try await server.respond(to: self.count) { _, writer in
                defer { written.end(cancelled: Task.isCancelled) }
                try await writer.write(1)
                try await Task.sleep(for: .seconds(600))
            }
        } _: {
            await broker.waitForConsumers(of: "ops.count")
            var iterator = try await caller.stream(self.count, 1, timeout: .seconds(9)).makeAsyncIterator()
            #expect(try await iterator.next() == 1)
            try await withBackground {
                // It tells the writer twice that it is there.
                for time in [3, 6, 9] {
                    let time = TestClock.Instant(offset: .seconds(time))
                    await until { clock.deadlines.contains(time) }
                    clock.advance(to: time)
                }
            } _: {
                let code = await errorCode { _ = try await iterator.next() }
                #expect(code == .timeout)
            }
            #expect(written.ended == 0)
            caller.cut()
            await until {
                clock.advanceToNextDeadline()
                return written.ended == 1
            }
        }
    }

    /// Frames that come twice, out of order or from nowhere.
    @Test func framesArePutInOrder() async throws {
        let broker = MemoryBroker()
        let caller = try await broker.connect(name: "caller")
        let server = try await broker.connect(name: "server")
        let requests = try await server.consume(from: "ops.count")
        async let all = caller.stream(count, 1, window: 4).reduce(into: []) { $0.append($1) }
        let request = try #require(try await requests.next()?.message)
        func frame(_ sequence: HeaderValue, _ text: String, end: Bool = false) async throws {
            var headers: Headers = ["stream-sequence": sequence]
            headers.correlationID = request.headers.correlationID
            if end { headers["stream-end"] = true }
            try await server.reply(Message(text, headers: headers), to: try #require(request.headers.replyTo))
        }
        try await frame(2, "2")
        try await frame(0, "0")
        try await frame(0, "0")
        try await frame(-1, "9")
        try await frame(4, "", end: true)
        try await frame(1, "1")
        try await frame(2, "7")
        try await frame(3, "3")
        let received = try await all
        #expect(received == [0, 1, 2, 3])
    }

    @Test func writersThatIgnoreTheirCreditBreakTheStream() async throws {
        let broker = MemoryBroker()
        let caller = try await broker.connect(name: "caller")
        let server = try await broker.connect(name: "server")
        let requests = try await server.consume(from: "ops.count")
        async let code = errorCode { for try await _ in try await caller.stream(self.count, 1, window: 4) {} }
        let request = try #require(try await requests.next()?.message)
        let id = try #require(request.headers.correlationID)
        let headers: Headers = ["correlation-id": .string(id), "stream-sequence": 1_000]
        try await server.reply(Message("1", headers: headers), to: try #require(request.headers.replyTo))
        #expect(await code == .streamBroken)
    }
}
