import Martlet
import MartletTesting
import Testing

@testable import class Martlet.NativeProperties

@Suite(.timeLimit(.minutes(10)))
struct ForwardFailureTests {
    @Test func whatTheSinkDoesNotTakeForNowIsTriedAgain() async throws {
        let fixture = try await BridgeFixture()
        let attempts = Shared(0)
        let sink = ScriptedConnection(fixture.to) { _, _ in
            let attempt = attempts.withLock { attempts in
                attempts += 1
                return attempts
            }
            return attempt < 4 ? .fail(MessagingError(.queueFull, "full")) : .passOn
        }
        let heard = try await fixture.b.subscribe(to: "#")
        let retry = Backoff(initial: .milliseconds(1), maximum: .milliseconds(2))
        let bridge = Bridge(from: fixture.from, to: sink) { Forward("a", options: RouteOptions(retry: retry)) }
        try await bridge.whileRunning {
            try await fixture.a.publish("x", "y", to: "a")
            #expect(try await heard.texts(2) == ["x", "y"])
        }
        #expect(bridge.reports[0].statistics.retried == 3)
        #expect(bridge.reports[0].statistics.forwarded == 2)
    }

    /// A window of messages that failed together does not wait for each of them in turn: the test's time would not suffice.
    @Test func whatFailedTogetherWaitsOnce() async throws {
        let fixture = try await BridgeFixture()
        let promise = Promise<Void>()
        let isRefusing = Shared(true)
        let sink = ScriptedConnection(fixture.to) { _, _ in
            isRefusing.withLock { $0 } ? .confirm(promise) : .passOn
        }
        let retry = Backoff(initial: .milliseconds(500), maximum: .milliseconds(500), jitter: 0)
        let bridge = Bridge(from: fixture.from, to: sink) {
            Forward("a", options: RouteOptions(window: 200, retry: retry))
        }
        try await bridge.whileRunning {
            for number in 0..<200 { try await fixture.a.publish("\(number)", to: "a") }
            await until { bridge.reports[0].statistics.inFlight == 200 }
            isRefusing.withLock { $0 = false }
            promise.end(.failure(MessagingError(.queueFull, "full")))
            await until { bridge.reports[0].statistics.forwarded == 200 }
        }
        #expect(bridge.reports[0].statistics.retried == 200)
    }

    /// Messages that expire while the sink is away are buried one after the other, without a pause for each.
    @Test func whatHasExpiredIsNotWaitedFor() async throws {
        let fixture = try await BridgeFixture()
        let promise = Promise<Void>()
        let sink = ScriptedConnection(fixture.to) { _, _ in .confirm(promise) }
        let retry = Backoff(initial: .milliseconds(500), maximum: .milliseconds(500), jitter: 0)
        let bridge = Bridge(from: fixture.from, to: sink) {
            Forward("a", options: RouteOptions(window: 20, retry: retry))
        }
        try await bridge.whileRunning {
            let end = ContinuousClock.now + .seconds(1)
            for number in 0..<20 {
                var message = Message("\(number)")
                message.headers.native = NativeProperties(fields: [], expires: end)
                try await fixture.a.publish(message, to: "a")
            }
            await until { bridge.reports[0].statistics.received == 20 }
            try await ContinuousClock().sleep(until: end)
            promise.end(.failure(MessagingError(.queueFull, "full")))
            await until { bridge.reports[0].statistics.lost == 20 }
        }
        #expect(bridge.reports[0].statistics.retried == 0)
    }

    @Test func theLagIsTheTimeFromComingInToBeingTaken() async throws {
        let clock = TestClock()
        let fixture = try await BridgeFixture(clock: clock)
        let promise = Promise<Void>()
        let sink = ScriptedConnection(fixture.to) { _, _ in .confirm(promise) }
        let bridge = Bridge(from: fixture.from, to: sink) { Forward("a") }
        try await bridge.whileRunning {
            clock.advance(by: .seconds(3))
            try await fixture.a.publish("x", to: "a")
            await until { bridge.reports[0].statistics.inFlight == 1 }
            #expect(bridge.reports[0].statistics.lag == .zero)
            clock.advance(by: .seconds(7))
            promise.end(.success(()))
            await until { bridge.reports[0].statistics.forwarded == 1 }
            #expect(bridge.reports[0].statistics.lag == .seconds(7))
        }
    }

    /// Whatever comes in is passed on, dropped for one of the reasons, or a dead letter.
    @Test func theFiguresAddUp() async throws {
        let fixture = try await BridgeFixture()
        let sink = ScriptedConnection(fixture.to) { message, name in
            name == "out" && message.text == "refused" ? .fail(MessagingError(.refused, "not here")) : .passOn
        }
        let options = RouteOptions(deadLetters: "dead", deduplication: 10)
        let bridge = fixture.bridge {}
        let counted = Bridge(from: fixture.from, to: sink, name: bridge.name) {
            Forward(queue: "in", toQueue: "out", options: options) { delivery in
                delivery.message.text == "filtered" ? nil : delivery.message
            }
        }
        try await counted.whileRunning {
            for text in ["passed", "filtered", "refused"] { try await fixture.a.send(Message(text), to: "in") }
            for _ in 0..<2 {
                try await fixture.a.send(Message("twice", headers: ["message-id": "one"]), to: "in")
            }
            try await fixture.a.send(Message("looped", headers: ["bridge-path": .string(bridge.name)]), to: "in")
            await until { counted.reports[0].statistics.received == 6 && counted.reports[0].statistics.inFlight == 0 }
        }
        let statistics = counted.reports[0].statistics
        #expect(statistics.forwarded == 2)
        #expect(statistics.dead == 1)
        #expect((statistics.filtered, statistics.duplicates, statistics.looped) == (1, 1, 1))
        #expect(statistics.dropped == 3)
    }

    @Test(arguments: [true, false])
    func whatTheSinkRefusesIsADeadLetter(isLate: Bool) async throws {
        let fixture = try await BridgeFixture()
        let refusal = MessagingError(.refused, "not here")
        let sink = ScriptedConnection(fixture.to) { message, queue in
            guard message.text == "bad", queue != "dead" else { return .passOn }
            guard isLate else { return .fail(refusal) }
            let promise = Promise<Void>()
            promise.end(.failure(refusal))
            return .confirm(promise)
        }
        let heard = try await fixture.b.subscribe(to: "a")
        let dead = try await fixture.b.consume(from: "dead")
        let bridge = Bridge(from: fixture.from, to: sink) {
            Forward("a", options: RouteOptions(deadLetters: DeadLetters(to: "dead", on: .to)))
        }
        try await bridge.whileRunning {
            try await fixture.a.publish("good", "bad", "good too", to: "a")
            let letter = try #require(try await dead.next())
            #expect(letter.message.headers["death-reason"] == "refused: not here")
            try letter.ack()
            _ = isLate  // The late one was published before it was refused.
            #expect(try await heard.texts(isLate ? 3 : 2).filter { $0 != "bad" } == ["good", "good too"])
        }
        #expect(bridge.reports[0].statistics.dead == 1)
    }

    @Test func aMessageStaysWithItsSourceUntilItsDeadLetterIsKept() async throws {
        let fixture = try await BridgeFixture()
        let kept = Promise<Void>()
        let sink = ScriptedConnection(fixture.to) { _, queue in
            queue == "dead" ? .confirm(kept) : .fail(MessagingError(.refused, "not here"))
        }
        let dead = try await fixture.b.consume(from: "dead")
        let bridge = Bridge(from: fixture.from, to: sink) {
            Forward(
                queue: "in",
                toQueue: "out",
                options: RouteOptions(deadLetters: DeadLetters(to: "dead", on: .to))
            )
        }
        try await bridge.whileRunning {
            try await fixture.a.send(Message("x"), to: "in")
            try #require(try await dead.next()).ack()
            #expect(fixture.brokerA.queue("in")?.unsettled == 1)
            kept.end(.success(()))
            await until { fixture.brokerA.isDone(with: "in") }
        }
        #expect(bridge.reports[0].statistics.dead == 1)
    }

    @Test func withoutDeadLettersAQueueRejectsAndATopicCounts() async throws {
        let fixture = try await BridgeFixture()
        try fixture.brokerA.declareQueue("jobs", options: QueueOptions(deadLetters: "own-dead"))
        let sink = ScriptedConnection(fixture.to) { _, _ in .fail(MessagingError(.bodyTooLarge, "too large")) }
        let dead = try await fixture.a.consume(from: "own-dead")
        let bridge = Bridge(from: fixture.from, to: sink) {
            Forward(queue: "jobs")
            Forward("t")
        }
        try await bridge.whileRunning {
            try await fixture.a.send(Message("x"), to: "jobs")
            #expect(try await dead.texts(1) == ["x"])
            try await fixture.a.publish("y", to: "t")
            await until { bridge.reports.map(\.statistics.lost) == [1, 1] }
        }
    }

    @Test func givesUpAfterTheAttemptsItHas() async throws {
        let fixture = try await BridgeFixture()
        let sink = ScriptedConnection(fixture.to) { _, _ in .fail(MessagingError(.queueFull, "full")) }
        let dead = try await fixture.a.consume(from: "dead")
        let retry = Backoff(initial: .milliseconds(1), maximum: .milliseconds(1), attempts: 2)
        let bridge = Bridge(from: fixture.from, to: sink) {
            Forward("a", options: RouteOptions(retry: retry, deadLetters: "dead"))
        }
        try await bridge.whileRunning {
            try await fixture.a.publish("x", to: "a")
            let letter = try #require(try await dead.next())
            #expect(letter.message.headers["death-deliveries"] == 3)
            try letter.ack()
        }
    }

    @Test func aLostSinkHoldsTheSourceBackAndLosesNothing() async throws {
        let fixture = try await BridgeFixture()
        let jobs = try await fixture.b.consume(from: "jobs")
        let bridge = fixture.bridge { Forward(queue: "jobs", options: RouteOptions(window: 8)) }
        try await bridge.whileRunning {
            fixture.to.cut()
            for number in 0..<100 { try await fixture.a.send(Message("\(number)"), to: "jobs") }
            await until { fixture.brokerA.queue("jobs")?.unsettled == 8 }
            fixture.to.restore()
            #expect(try await jobs.texts(100) == (0..<100).map(String.init))
        }
    }

    @Test func aRouteBeginsAgainWhenItsSourceIsBack() async throws {
        let fixture = try await BridgeFixture()
        let heard = try await fixture.b.subscribe(to: "#")
        fixture.from.cut()
        let bridge = fixture.bridge { Forward("a") }
        try await withBackground {
            await until { fixture.logs.lines.contains { $0.contains("waits for a link") } }
            fixture.from.restore()
        } _: {
            try await bridge.whileRunning(readyWithin: .seconds(30)) {
                try await fixture.a.publish("x", to: "a")
                #expect(try await heard.texts(1) == ["x"])
                fixture.from.cut()
                fixture.from.restore()
                try await fixture.a.publish("y", to: "a")
                #expect(try await heard.texts(1) == ["y"])
            }
        }
    }

    @Test(arguments: [BridgeSide.from, .to])
    func aClosedConnectionEndsTheBridge(_ side: BridgeSide) async throws {
        let fixture = try await BridgeFixture()
        let bridge = fixture.bridge { Forward("a") }
        let code = await errorCode {
            try await bridge.whileRunning {
                await (side == .from ? fixture.from : fixture.to).close()
                try await Task.sleep(for: .seconds(30))
            }
        }
        #expect(code == .connectionClosed)
    }
}
