import Martlet
import MartletTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct RPCTests {
    struct Pair: Codable, Sendable {
        var a: Int
        var b: Int
    }

    let add = RPC<Pair, Int>("ops.add")

    /// A connection that calls, one that serves, and `body` between them. Their time stands still unless a test moves it: a busy
    /// machine does not make calls fail.
    private func withService(
        clock: any Clock<Duration> = TestClock(),
        _ service: @escaping @Sendable (MemoryConnection) async throws -> Void,
        _ body: (MemoryBroker, MemoryConnection) async throws -> Void
    ) async throws {
        let broker = MemoryBroker()
        let caller = try await broker.connect(options: ConnectionOptions(name: "caller", clock: clock))
        let server = try await broker.connect(options: ConnectionOptions(name: "server", clock: clock))
        try await withBackground {
            try await service(server)
        } _: {
            await until { broker.presence.queues.contains { $0.consumers > 0 } }
            try await body(broker, caller)
        }
        await caller.close()
        await server.close()
    }

    @Test func errorsArriveWithCodeAndText() async throws {
        try await withService { server in
            try await server.respond(to: self.add) { pair in
                switch pair.a {
                case 0: throw MessagingError("stock.empty", "no more of those", cause: CancellationError())
                case 1: throw Odd.number
                default: pair.a + pair.b
                }
            }
        } _: { _, caller in
            let five = try await caller.call(self.add, Pair(a: 2, b: 3))
            #expect(five == 5)
            let stock = await #expect(throws: MessagingError.self) { try await caller.call(self.add, Pair(a: 0, b: 0)) }
            #expect(stock?.code == "stock.empty")
            #expect(stock?.message == "no more of those")
            let odd = await #expect(throws: MessagingError.self) { try await caller.call(self.add, Pair(a: 1, b: 0)) }
            #expect(odd?.code == .handlerFailed)
            #expect(odd?.message.contains("number") == true)
            #expect(await errorCode { _ = try await caller.call("ops.add", Message("[1")) } == .decodingFailed)
        }
    }

    enum Odd: Error { case number }

    @Test func nobodyThereIsAnErrorAtOnce() async throws {
        let caller = try await MemoryBroker().connect(name: "caller")
        #expect(await errorCode { _ = try await caller.call(self.add, Pair(a: 1, b: 1)) } == .noResponder)
        #expect(caller.statistics.callsInFlight == 0)
    }

    @Test(arguments: [Duration.zero, .seconds(-1)])
    func timeoutsWithoutMeaningAreErrors(timeout: Duration) async throws {
        let caller = try await MemoryBroker().connect(name: "caller")
        let code = await errorCode { _ = try await caller.call(self.add, Pair(a: 1, b: 1), timeout: timeout) }
        #expect(code == .invalidArgument)
    }

    @Test(arguments: [Duration.seconds(Int64.max), .seconds(1.7e20), .nanoseconds(1)])
    func oddTimeoutsDoNotTrap(duration: Duration) async throws {
        try await withService { server in
            try await server.respond(to: "echo") { $0 }
        } _: { broker, caller in
            _ = try? await caller.call("echo", Message(), timeout: duration)
            let retained = PublishOptions(guarantee: .atLeastOnce, retain: true, expiry: duration)
            try await caller.publish(Message("x"), to: "a", options: retained)
            try await caller.send(Message(), to: "b", options: SendOptions(expiry: duration))
            try broker.declareQueue("c", options: QueueOptions(timeToLive: duration))
            try await caller.send(Message(), to: "c")
        }
    }

    /// The caller times out, and so does the handler: nobody works for nobody.
    @Test func theDeadlineTravels() async throws {
        let clock = TestClock()
        let stopped = Shared(false)
        try await withService(clock: clock) { server in
            try await server.respond(to: "slow") { message in
                #expect(RequestContext.current?.timeLeft == .seconds(3))
                do {
                    try await clock.sleep(for: .seconds(100))
                } catch {
                    stopped.withLock { $0 = true }
                    // What it returned now might still be in time.
                    throw error
                }
                return message
            }
        } _: { _, caller in
            async let code = errorCode { _ = try await caller.call("slow", Message(), timeout: .seconds(3)) }
            // The caller's timer, the server's, and the handler itself.
            await until { clock.sleepers == 3 }
            clock.advance(by: .seconds(3))
            #expect(await code == .timeout)
            await until { stopped.withLock { $0 } }
        }
    }

    @Test func callsInsideAHandlerWaitNoLongerThanItsCaller() async throws {
        let clock = TestClock()
        try await withService(clock: clock) { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await server.respond(to: "outer") { try await server.call("inner", $0, timeout: .seconds(60)) }
                }
                group.addTask {
                    try await server.respond(to: "inner") { _ in
                        Message("\(RequestContext.current?.timeLeft ?? .zero)")
                    }
                }
                try await group.waitForAll()
            }
        } _: { broker, caller in
            await broker.waitForConsumers(of: "outer")
            await broker.waitForConsumers(of: "inner")
            let reply = try await caller.call("outer", Message(), timeout: .seconds(2))
            #expect(reply.text == "2.0 seconds")
        }
    }

    /// The request is over when it is answered, and with it its deadline.
    @Test func whatAHandlerLeavesRunningCallsOnAfterItsCallersDeadline() async throws {
        let clock = TestClock()
        let isLate = Shared(false)
        let (sums, results) = AsyncStream.makeStream(of: Result<Int, any Error>.self)
        try await withService(clock: clock) { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.respond(to: self.add) { $0.a + $0.b } }
                group.addTask {
                    try await server.respond(to: "outer") { request in
                        let inherited = RequestContext.current
                        Task {
                            await until { isLate.withLock { $0 } }
                            #expect(RequestContext.current == nil)
                            #expect(inherited?.timeLeft == nil)
                            do {
                                results.yield(.success(try await server.call(self.add, Pair(a: 1, b: 2))))
                            } catch {
                                results.yield(.failure(error))
                            }
                        }
                        return request
                    }
                }
                try await group.waitForAll()
            }
        } _: { broker, caller in
            await broker.waitForConsumers(of: "outer")
            await broker.waitForConsumers(of: self.add.name)
            _ = try await caller.call("outer", Message(), timeout: .seconds(2))
            clock.advance(by: .seconds(3))
            isLate.withLock { $0 = true }
            #expect(try await sums.first { _ in true }?.get() == 3)
        }
    }

    /// One character may have any number of scalars, and what travels is bytes.
    @Test func longErrorsAreCutByBytes() async throws {
        try await withService { server in
            try await server.respond(to: self.add) { pair in
                let text = "a" + String(repeating: "\u{301}", count: 1_000_000)
                throw pair.a == 0 ? MessagingError("long", text) : MessagingError(.init(rawValue: text), "short")
            }
        } _: { _, caller in
            let long = await #expect(throws: MessagingError.self) { try await caller.call(self.add, Pair(a: 0, b: 0)) }
            // The first byte and as many whole scalars of two.
            #expect(long?.message.utf8.count == 4_095)
            let code = await #expect(throws: MessagingError.self) { try await caller.call(self.add, Pair(a: 1, b: 0)) }
            #expect(code?.code.rawValue.utf8.count == 255)
            #expect(code?.message == "short")
        }
    }

    @Test func cancellingTheCallerCancelsTheHandler() async throws {
        let events = Shared<[String]>([])
        try await withService { server in
            try await server.respond(to: "slow") { message in
                events.withLock { $0.append("started") }
                do { try await Task.sleep(for: .seconds(60)) } catch { events.withLock { $0.append("cancelled") } }
                return message
            }
        } _: { _, caller in
            let call = Task { try await caller.call("slow", Message()) }
            await until { events.withLock { $0 == ["started"] } }
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            await until { events.withLock { $0 == ["started", "cancelled"] } }
            #expect(caller.statistics == ConnectionStatistics())
        }
    }

    /// The cancellation reaches the responder before the request it is about, which then never runs.
    @Test func aCancellationMayOvertakeItsRequest() async throws {
        let broker = MemoryBroker(options: .init(mode: .stepped))
        let caller = try await broker.connect(name: "caller")
        let server = try await broker.connect(name: "server")
        let runs = Shared(0)
        try await withBackground {
            try await server.respond(to: "work") { message in
                runs.withLock { $0 += 1 }
                return message
            }
        } _: {
            await broker.waitForConsumers(of: "work")
            let call = Task { try await caller.call("work", Message()) }
            await until { broker.pending.count == 1 }
            call.cancel()
            await until { broker.pending.count == 2 }
            broker.step(1)
            // Once a second, ordinary call is answered, the first has been seen and passed over.
            async let second = caller.call("work", Message("second"))
            await until { broker.pending.count == 2 }
            broker.step()
            broker.step()
            await until { broker.pending.count == 1 }
            broker.step()
            let answer = try await second
            #expect(answer.text == "second")
            await #expect(throws: CancellationError.self) { try await call.value }
            await until { broker.queue("work")?.unsettled == 0 }
        }
        #expect(runs.withLock { $0 } == 1)
    }

    @Test func repliesNobodyAwaitsAreCounted() async throws {
        let broker = MemoryBroker()
        let caller = try await broker.connect(name: "caller")
        let server = try await broker.connect(name: "server")
        let requests = try await server.consume(from: "work")
        async let answer = caller.call("work", Message("x"))
        let request = try #require(try await requests.next())
        let address = try #require(request.message.headers.replyTo)
        let id = try #require(request.message.headers.correlationID)
        for text in ["first", "twice"] {
            try await server.reply(Message(text, headers: ["correlation-id": .string(id)]), to: address)
        }
        try await server.reply(Message("stray", headers: ["correlation-id": "nobody's"]), to: address)
        try await server.reply(Message("anonymous"), to: address)
        let reply = try await answer
        #expect(reply.text == "first")
        #expect(caller.statistics.lateReplies == 3)
        #expect(await errorCode { try await server.reply(Message(), to: "reply.999") } == .noResponder)
        #expect(await errorCode { try await server.reply(Message(), to: "elsewhere") } == .noResponder)
    }

    @Test func requestsThatCantBeAnsweredAreCountedAndBuried() async throws {
        try await withService { server in
            try await server.respond(to: "work") { $0 }
        } _: { broker, caller in
            try broker.declareQueue("work", options: QueueOptions(deadLetters: "dead"))
            try await caller.send(Message("no address"), to: "work")
            try await caller.send(Message("wrong type", headers: ["reply-to": .bytes([1])]), to: "work")
            let dead = try await caller.consume(from: "dead")
            for _ in 0..<2 { try await dead.next()?.ack() }
            #expect(try await caller.call("work", Message("fine")).text == "fine")
        }
    }

    @Test func concurrencyIsLimited() async throws {
        let running = Shared((now: 0, most: 0))
        let gate = AsyncStream<Void>.makeStream()
        try await withService { server in
            try await server.respond(to: "work", options: RespondOptions(concurrency: 3)) { message in
                running.withLock {
                    $0.now += 1; $0.most = max($0.most, $0.now)
                }
                for await _ in gate.stream { break }
                running.withLock { $0.now -= 1 }
                return message
            }
        } _: { broker, caller in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<10 { group.addTask { _ = try await caller.call("work", Message()) } }
                await until { running.withLock { $0.now == 3 } && broker.queue("work")?.waiting == 7 }
                gate.continuation.finish()
                try await group.waitForAll()
            }
            #expect(running.withLock { $0.most } == 3)
        }
        #expect(
            await errorCode {
                let connection = try await MemoryBroker().connect(name: "a")
                try await connection.respond(to: "work", options: RespondOptions(concurrency: 0)) { $0 }
            } == .invalidArgument
        )
    }

    @Test func respondersShareTheirCallsAndTakeOverFromOneThatDies() async throws {
        let broker = MemoryBroker()
        let caller = try await broker.connect(name: "caller")
        let dying = try await broker.connect(name: "dying")
        let living = try await broker.connect(name: "living")
        let held = Shared(0)
        try await withBackground {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await dying.respond(to: "work") { message in
                        held.withLock { $0 += 1 }
                        try await Task.sleep(for: .seconds(60))
                        return message
                    }
                }
                group.addTask { try await living.respond(to: "work") { $0 } }
                while let ended = await group.nextResult() {
                    if case .failure(let error) = ended, error is CancellationError { throw error }
                }
            }
        } _: {
            await broker.waitForConsumers(2, of: "work")
            try await withThrowingTaskGroup(of: String?.self) { group in
                for number in 0..<20 { group.addTask { try await caller.call("work", Message("\(number)")).text } }
                await until { held.withLock { $0 == 10 } }
                dying.cut()
                var answers: Set<String> = []
                while let answer = try await group.next() { answers.insert(answer ?? "") }
                #expect(answers == Set((0..<20).map(String.init)))
            }
        }
    }

    @Test func lostLinksAndClosedConnectionsEndCalls() async throws {
        let isAsked = Shared(false)
        try await withService { server in
            try await server.respond(to: "never") { _ in
                isAsked.withLock { $0 = true }
                try await Task.sleep(for: .seconds(60))
                return Message()
            }
        } _: { _, caller in
            async let lost = errorCode { _ = try await caller.call("never", Message()) }
            // Before it was asked the call would not even be on its way.
            await until { isAsked.withLock { $0 } }
            caller.cut()
            #expect(await lost == .connectionLost)
            caller.restore()
            async let closed = errorCode { _ = try await caller.call("never", Message()) }
            await until { caller.statistics.callsInFlight == 1 }
            await caller.close()
            #expect(await closed == .connectionClosed)
        }
    }

    /// Ten thousand calls at once, a third of them cancelled at some point: each ends once, and no handler runs on.
    @Test func manyCallsManyCancelled() async throws {
        let running = Shared(0)
        try await withService { server in
            try await server.respond(to: "work", options: RespondOptions(concurrency: 200)) { message in
                running.withLock { $0 += 1 }
                defer { running.withLock { $0 -= 1 } }
                if message.body.last == UInt8(ascii: "0") { try await Task.sleep(for: .seconds(600)) }
                return message
            }
        } _: { broker, caller in
            let outcomes = Shared((answered: 0, cancelled: 0))
            // More at a time would keep the processors from the tests beside this one.
            for round in 0..<10 {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in round * 1_000..<(round + 1) * 1_000 {
                        // Those ending in 0 would never return by themselves.
                        let isCancelled = number % 10 == 0 || number % 10 == 3 || number % 10 == 7
                        group.addTask {
                            let call = Task { try await caller.call("work", Message("\(number)")) }
                            if isCancelled {
                                for _ in 0..<(number % 97) { await Task.yield() }
                                call.cancel()
                            }
                            do {
                                let reply = try await call.value
                                #expect(reply.text == "\(number)")
                                outcomes.withLock { $0.answered += 1 }
                            } catch is CancellationError {
                                #expect(isCancelled)
                                outcomes.withLock { $0.cancelled += 1 }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
            }
            #expect(outcomes.withLock { $0.answered + $0.cancelled } == 10_000)
            #expect(outcomes.withLock { $0.cancelled } >= 1_000)
            await until { running.withLock { $0 == 0 } && broker.queue("work")?.unsettled == 0 }
            #expect(caller.statistics.callsInFlight == 0)
            #expect(caller.statistics.droppedNotices == 0)
        }
    }
}
