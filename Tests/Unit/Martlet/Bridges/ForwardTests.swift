import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10)))
struct ForwardTests {
    private struct Reading: Codable, Sendable, Equatable {
        var celsius: Double
    }

    private struct Fahrenheit: Codable, Sendable, Equatable {
        var degrees: Double
    }

    // MARK: Topics

    @Test func aTopicIsPassedOnWithItsHeaders() async throws {
        let fixture = try await BridgeFixture()
        let heard = try await fixture.b.subscribe(to: "sensors.door")
        let bridge = fixture.bridge { Forward("sensors.door") }
        try await bridge.whileRunning {
            let message = Message(
                "open",
                headers: ["content-type": "text/plain", "colour": "red", "reply-to": "there"]
            )
            try await fixture.a.publish(message, to: "sensors.door")
            try await fixture.a.publish("no", to: "sensors.window")
            let delivery = try #require(try await heard.next())
            #expect(delivery.topic == "sensors.door")
            #expect(delivery.message.text == "open")
            let headers = delivery.message.headers
            #expect(headers["colour"] == "red")
            #expect(headers.contentType == "text/plain")
            // An address of the one broker means nothing at the other.
            #expect(headers.replyTo == nil)
            #expect(headers["bridge-path"] == "bridge")
            #expect(headers["bridge-origin"] == "sensors.door")
            #expect(headers.messageID != nil)
            #expect(heard.nextIfReady() == nil)
        }
        let report = try #require(bridge.reports.first)
        #expect(report.statistics.received == 1)
        #expect(report.statistics.forwarded == 1)
        #expect(report.statistics.inFlight == 0)
    }

    @Test func aPatternIsPassedOnUnderOtherNamesInOrder() async throws {
        let fixture = try await BridgeFixture()
        let heard = try await fixture.b.subscribe(to: "#")
        let bridge = fixture.bridge { Forward("sensors.#", as: "site.berlin.{rest}") }
        try await bridge.whileRunning {
            for number in 0..<500 {
                try await fixture.a.publish(
                    "\(number)",
                    to: number.isMultiple(of: 2) ? "sensors.even" : "sensors.x.odd"
                )
            }
            for number in 0..<500 {
                let delivery = try #require(try await heard.next())
                #expect(delivery.message.text == "\(number)")
                #expect(delivery.topic == (number.isMultiple(of: 2) ? "site.berlin.even" : "site.berlin.x.odd"))
            }
        }
    }

    @Test func bothWaysGoOutAndBack() async throws {
        let fixture = try await BridgeFixture()
        let atA = try await fixture.a.subscribe(to: "commands.#")
        let atB = try await fixture.b.subscribe(to: "site.#")
        let bridge = fixture.bridge {
            Forward("commands.#", as: "site.{topic}", direction: .both, options: RouteOptions(allowsLoop: true))
        }
        try await bridge.whileRunning {
            try await fixture.b.publish("down", to: "site.commands.lamp")
            try await fixture.a.publish("up", to: "commands.lamp")
            #expect(try await atA.texts(2).sorted() == ["down", "up"])
            #expect(try await atB.texts(2).sorted() == ["down", "up"])
            await until { bridge.reports.map(\.statistics.looped) == [1, 1] }
            #expect(atA.nextIfReady() == nil)
            #expect(atB.nextIfReady() == nil)
        }
    }

    @Test func backwardsReadsTheTemplateBackwards() async throws {
        let fixture = try await BridgeFixture()
        let heard = try await fixture.a.subscribe(to: "#")
        let bridge = fixture.bridge { Forward("commands.*", as: "site.{1}.commands", direction: .back) }
        try await bridge.whileRunning {
            try await fixture.b.publish("on", to: "site.lamp.commands")
            let delivery = try #require(try await heard.next())
            #expect(delivery.topic == "commands.lamp")
        }
    }

    @Test func whatIsKeptIsKeptOnTheOtherSideAndDeletedThere() async throws {
        let fixture = try await BridgeFixture()
        let retain = PublishOptions(retain: true)
        try await fixture.a.publish("blue", to: "state.a", options: retain)
        let bridge = fixture.bridge { Forward("state.#") }
        try await bridge.whileRunning {
            try await until { try await fixture.b.kept("state.a") == "blue" }
            try await fixture.a.publish(Message(), to: "state.a", options: retain)
            try await until { try await fixture.b.kept("state.a") == nil }
        }
    }

    @Test func whatIsPublishedToBeKeptIsKeptOnTheOtherSideAndNothingElse() async throws {
        let fixture = try await BridgeFixture()
        let bridge = fixture.bridge { Forward("state.#") }
        try await bridge.whileRunning {
            try await fixture.a.publish("kept", to: "state.a", options: PublishOptions(retain: true))
            try await until { try await fixture.b.kept("state.a") == "kept" }
            let heard = try await fixture.b.subscribe(to: "state.#", options: SubscribeOptions(retained: false))
            // Also an empty one is a deletion only where it is published as one.
            try await fixture.a.publish("passing", "", to: "state.a")
            #expect(try await heard.texts(2) == ["passing", ""])
            #expect(try await fixture.b.kept("state.a") == "kept")
        }
    }

    /// In an envelope, where the sink has no headers, a deletion would be kept.
    @Test func aDeletionIsBareWhereAMarkWouldPutItInAnEnvelope() async throws {
        let fixture = try await BridgeFixture()
        let to = ScriptedConnection(fixture.to, lacking: [.separateHeaders])
        let heard = try await fixture.b.subscribe(to: "state.#", options: SubscribeOptions(retainAsPublished: true))
        let retain = PublishOptions(retain: true)
        try await Bridge(from: fixture.from, to: to, name: "bridge") { Forward("state.#") }.whileRunning {
            for text in ["x", "", "", "y", ""] { try await fixture.a.publish(text, to: "state.a", options: retain) }
            var seen: [String] = []
            while seen.count < 5, let delivery = try await heard.next() {
                let mark = delivery.message.headers.isEmpty ? "bare" : "marked"
                seen.append("\(delivery.message.text ?? "?") \(mark) \(delivery.isRetained ? "kept" : "passing")")
            }
            // The second one of a topic may be the first, come back by another bridge: it can be known again.
            #expect(seen == ["x marked kept", " bare kept", " marked passing", "y marked kept", " bare kept"])
        }
    }

    @Test func everythingIsKeptOnRequest() async throws {
        let fixture = try await BridgeFixture()
        let bridge = fixture.bridge { Forward("state.#", options: RouteOptions(retain: .all)) }
        try await bridge.whileRunning {
            try await fixture.a.publish("now", to: "state.a")
            try await until { try await fixture.b.kept("state.a") == "now" }
        }
    }

    // MARK: Filters

    @Test func aTransformationChangesAndFilters() async throws {
        let fixture = try await BridgeFixture()
        let heard = try await fixture.b.subscribe(to: "#")
        let bridge = fixture.bridge {
            Forward("t.#") { delivery in
                delivery.message.text == "skip" ? nil : Message("<\(delivery.message.text ?? "")>")
            }
        }
        try await bridge.whileRunning {
            try await fixture.a.publish("a", "skip", "b", to: "t.x")
            #expect(try await heard.texts(2) == ["<a>", "<b>"])
        }
        #expect(bridge.reports[0].statistics.filtered == 1)
    }

    @Test func theValuesOfATopicMayGoToAQueue() async throws {
        let fixture = try await BridgeFixture()
        let jobs = try await fixture.b.consume(from: Queue<Fahrenheit>("jobs"))
        let bridge = fixture.bridge {
            Forward(TopicFilter<Reading>("in.#"), toQueue: "jobs") { reading in
                Fahrenheit(degrees: reading.value.celsius)
            }
        }
        try await bridge.whileRunning {
            try await fixture.a.publish(Reading(celsius: 100), to: Topic("in.roof"))
            #expect(try await jobs.next()?.value == Fahrenheit(degrees: 100))
        }
    }

    @Test func aTypedTransformationMakesDeadLettersOfWhatItCannotRead() async throws {
        let fixture = try await BridgeFixture()
        let heard = try await fixture.b.subscribe(to: TopicFilter<Fahrenheit>("out.#"))
        let dead = try await fixture.a.consume(from: "dead")
        let bridge = fixture.bridge("weather") {
            Forward(TopicFilter<Reading>("in.#"), as: "out.{rest}", options: RouteOptions(deadLetters: "dead")) {
                reading in
                reading.value.celsius < 0 ? nil : Fahrenheit(degrees: reading.value.celsius * 9 / 5 + 32)
            }
        }
        try await bridge.whileRunning {
            try await fixture.a.publish("nonsense", to: "in.roof")
            try await fixture.a.publish(Reading(celsius: -1), to: Topic("in.roof"))
            try await fixture.a.publish(Reading(celsius: 100), to: Topic("in.roof"))
            #expect(try await heard.next()?.value == Fahrenheit(degrees: 212))
            let letter = try #require(try await dead.next())
            #expect(letter.message.text == "nonsense")
            let headers = letter.message.headers
            #expect(headers["death-reason"]?.string?.hasPrefix("decoding-failed:") == true)
            #expect(headers["death-topic"] == "in.roof")
            #expect(headers["death-deliveries"] == 1)
            #expect(headers["death-bridge"] == "weather")
            let (first, last) = (headers["death-first-time"]?.integer, headers["death-last-time"]?.integer)
            #expect(try #require(first) > 1_600_000_000_000_000_000)
            #expect(try #require(first) <= #require(last))
            try letter.ack()
        }
        let statistics = bridge.reports[0].statistics
        #expect(
            statistics.received == 3 && statistics.dead == 1 && statistics.filtered == 1 && statistics.forwarded == 1
        )
    }

    @Test func samplesAndLeavesOutWhatHasNotChanged() async throws {
        let fixture = try await BridgeFixture()
        let heard = try await fixture.b.subscribe(to: "#")
        let bridge = fixture.bridge {
            Forward("all.#", options: RouteOptions(changes: .onlyIfChanged))
            Forward("some.#", options: RouteOptions(sampling: .every(2)))
            Forward("few.#", options: RouteOptions(rate: RateLimit(perSecond: 0.000_001, burst: 1, excess: .drop)))
        }
        try await bridge.whileRunning {
            try await fixture.a.publish("1", "1", "2", to: "all.x")
            try await fixture.a.publish("2", to: "all.y")
            #expect(try await heard.texts(3) == ["1", "2", "2"])
            try await fixture.a.publish("1", "2", "3", to: "some.x")
            #expect(try await heard.texts(2) == ["1", "3"])
            try await fixture.a.publish("1", "2", to: "few.x")
            #expect(try await heard.texts(1) == ["1"])
            await until { bridge.reports[2].statistics.overRate == 1 }
        }
        #expect(bridge.reports[0].statistics.unchanged == 1)
        #expect(bridge.reports[1].statistics.sampledOut == 1)
    }

    // MARK: Queues

    @Test func aQueueIsPassedOnToAQueueAndATopic() async throws {
        let fixture = try await BridgeFixture()
        let jobs = try await fixture.b.consume(from: "cloud.jobs")
        let news = try await fixture.b.subscribe(to: "news.#")
        let bridge = fixture.bridge {
            Forward(queue: "jobs", toQueue: "cloud.jobs")
            Forward(queue: "news", as: "news.today")
        }
        try await bridge.whileRunning {
            for number in 0..<100 { try await fixture.a.send(Message("\(number)"), to: "jobs") }
            #expect(try await jobs.texts(100) == (0..<100).map(String.init))
            try await fixture.a.send(Message("extra"), to: "news")
            #expect(try await news.texts(1) == ["extra"])
            await until { fixture.brokerA.isDone(with: "jobs") }
        }
    }

    @Test func topicsGoIntoAQueueAndComeOutAsWhatTheyWere() async throws {
        let fixture = try await BridgeFixture()
        let heard = try await fixture.a.subscribe(to: "again.#")
        let bridge = fixture.bridge("there") { Forward("sensors.#", toQueue: "ingest") }
        let back = Bridge(from: fixture.to, to: fixture.from, name: "back") {
            Forward(queue: "ingest", as: "again.{origin}")
        }
        try await bridge.whileRunning {
            try await back.whileRunning {
                try await fixture.a.publish("x", to: "sensors.door.front")
                let delivery = try #require(try await heard.next())
                #expect(delivery.topic == "again.sensors.door.front")
                #expect(delivery.message.headers["bridge-path"] == "there,back")
            }
        }
    }

    @Test func theSourceIsAcknowledgedAfterTheSinkHasConfirmed() async throws {
        let fixture = try await BridgeFixture()
        let promise = Promise<Void>()
        let sink = ScriptedConnection(fixture.to) { _, _ in .confirm(promise) }
        let arrived = try await fixture.b.consume(from: "jobs")
        let bridge = Bridge(from: fixture.from, to: sink) { Forward(queue: "jobs") }
        try await bridge.whileRunning {
            try await fixture.a.send(Message("one"), to: "jobs")
            #expect(try await arrived.texts(1) == ["one"])
            // It has arrived, and the sink has not said so yet.
            #expect(fixture.brokerA.queue("jobs")?.unsettled == 1)
            #expect(bridge.reports[0].statistics.inFlight == 1)
            promise.end(.success(()))
            await until { fixture.brokerA.isDone(with: "jobs") }
        }
    }

    @Test func whatIsUnderWayStaysWithTheSourceWhenTheBridgeIsCancelled() async throws {
        let fixture = try await BridgeFixture()
        let sink = ScriptedConnection(fixture.to) { _, _ in .confirm(Promise()) }
        let bridge = Bridge(from: fixture.from, to: sink) { Forward(queue: "jobs") }
        for text in ["one", "two", "three"] { try await fixture.a.send(Message(text), to: "jobs") }
        try await withBackground {
            try await bridge.run()
        } _: {
            await until { bridge.reports.first?.statistics.inFlight == 3 }
        }
        let left = try await fixture.a.consume(from: "jobs")
        #expect(try await left.texts(3) == ["one", "two", "three"])
    }

    @Test func noMoreThanAWindowIsUnderWay() async throws {
        let fixture = try await BridgeFixture()
        let sink = ScriptedConnection(fixture.to) { _, _ in .confirm(Promise()) }
        let bridge = Bridge(from: fixture.from, to: sink) { Forward(queue: "jobs", options: RouteOptions(window: 4)) }
        for number in 0..<20 { try await fixture.a.send(Message("\(number)"), to: "jobs") }
        try await withBackground {
            try await bridge.run()
        } _: {
            await until { fixture.brokerA.queue("jobs")?.unsettled == 4 }
            #expect(fixture.brokerA.queue("jobs")?.waiting == 16)
        }
    }

    /// Also if the source would give it more.
    @Test func theBridgeItselfHoldsItsWindow() async throws {
        let fixture = try await BridgeFixture()
        let promise = Promise<Void>()
        let source = ScriptedConnection(fixture.from, prefetch: 1_000)
        let sink = ScriptedConnection(fixture.to) { _, _ in .confirm(promise) }
        let bridge = Bridge(from: source, to: sink) { Forward(queue: "jobs", options: RouteOptions(window: 4)) }
        for number in 0..<200 { try await fixture.a.send(Message("\(number)"), to: "jobs") }
        try await bridge.whileRunning {
            // The window, and one that waits for room.
            await until { bridge.reports[0].statistics.inFlight >= 4 + 1 }
            for _ in 0..<1_000 { await Task.yield() }
            // And what was taken from it together and is waited for.
            #expect(bridge.reports[0].statistics.inFlight <= 2 * 4 + 1)
            promise.end(.success(()))
            await until { bridge.reports[0].statistics.forwarded == 200 }
        }
    }

    @Test func aSlowSinkHasATopicCountItsDrops() async throws {
        let fixture = try await BridgeFixture()
        let promise = Promise<Void>()
        let sink = ScriptedConnection(fixture.to) { _, _ in .confirm(promise) }
        let bridge = Bridge(from: fixture.from, to: sink) {
            Forward("t", options: RouteOptions(window: 8, overflow: .dropOldest))
        }
        try await bridge.whileRunning {
            for number in 0..<1_000 { try await fixture.a.publish("\(number)", to: "t") }
            await until { bridge.reports[0].statistics.overflowed > 900 }
            // The window, what was read of it ahead, and one that waits for room.
            #expect(bridge.reports[0].statistics.inFlight <= 2 * 8 + 1)
            promise.end(.success(()))
        }
        let statistics = bridge.reports[0].statistics
        #expect(statistics.forwarded + statistics.overflowed == 1_000)
    }

    // MARK: Failures

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

    // MARK: Duplicates

    @Test func whatHasArrivedIsNotPassedOnAgain() async throws {
        let fixture = try await BridgeFixture()
        let heard = try await fixture.b.subscribe(to: "#")
        let bridge = fixture.bridge { Forward("a", options: RouteOptions(deduplication: 100)) }
        try await bridge.whileRunning {
            for id in ["1", "2", "1", "3", "2"] {
                try await fixture.a.publish(Message(id, headers: ["message-id": .string(id)]), to: "a")
            }
            try await fixture.a.publish("no ID", "no ID", to: "a")
            #expect(try await heard.texts(5) == ["1", "2", "3", "no ID", "no ID"])
        }
        #expect(bridge.reports[0].statistics.duplicates == 2)
    }

    @Test func aDuplicateOfWhatIsUnderWayWaitsForWhatBecomesOfIt() async throws {
        let fixture = try await BridgeFixture()
        let promise = Promise<Void>()
        let begun = Shared(0)
        let sink = ScriptedConnection(fixture.to) { _, _ in
            begun.withLock { $0 += 1 }
            return .confirm(promise)
        }
        let bridge = Bridge(from: fixture.from, to: sink) {
            Forward(queue: "q", options: RouteOptions(deduplication: 9))
        }
        try await bridge.whileRunning {
            for _ in 0..<2 { try await fixture.a.send(Message("x", headers: ["message-id": "1"]), to: "q") }
            await until { bridge.reports[0].statistics.inFlight == 2 }
            #expect(bridge.reports[0].statistics.duplicates == 0)
            promise.end(.success(()))
            await until { bridge.reports[0].statistics.duplicates == 1 }
        }
        #expect(begun.withLock { $0 } == 1)
    }

    // MARK: The end

    @Test func shutdownFinishesWhatIsInHand() async throws {
        let fixture = try await BridgeFixture()
        let promise = Promise<Void>()
        let sink = ScriptedConnection(fixture.to) { _, _ in .confirm(promise) }
        let bridge = Bridge(from: fixture.from, to: sink) { Forward(queue: "jobs") }
        try await bridge.whileRunning {
            try await fixture.a.send(Message("x"), to: "jobs")
            await until { bridge.reports[0].statistics.inFlight == 1 }
            // Confirmed only when the shutdown has begun.
            promise.end(.success(()))
        }
        #expect(bridge.reports[0].statistics.forwarded == 1)
        #expect(fixture.brokerA.isDone(with: "jobs"))
    }

    /// All of it, not only what is waited for at that moment.
    @Test func shutdownWaitsForWhatTheSinkHasNotConfirmed() async throws {
        let fixture = try await BridgeFixture()
        let promise = Promise<Void>()
        let isShuttingDown = Shared(false)
        let sink = ScriptedConnection(fixture.to) { _, _ in .confirm(promise) }
        let bridge = Bridge(from: fixture.from, to: sink) { Forward(queue: "jobs") }
        try await withBackground {
            await until { isShuttingDown.withLock { $0 } && fixture.brokerA.queue("jobs")?.consumers == 0 }
            promise.end(.success(()))
        } _: {
            try await bridge.whileRunning {
                for number in 0..<20 {
                    try await fixture.a.send(Message("\(number)"), to: "jobs")
                    await until { bridge.reports[0].statistics.inFlight == number + 1 }
                }
                isShuttingDown.withLock { $0 = true }
            }
        }
        #expect(bridge.reports[0].statistics.forwarded == 20)
        #expect(fixture.brokerA.isDone(with: "jobs"))
    }

    @Test func shutdownDoesNotWaitForASinkThatIsAway() async throws {
        let fixture = try await BridgeFixture()
        fixture.to.cut()
        let bridge = fixture.bridge(options: BridgeOptions(drainLimit: .zero)) { Forward(queue: "jobs") }
        try await bridge.whileRunning {
            try await fixture.a.send(Message("x"), to: "jobs")
            await until { fixture.brokerA.queue("jobs")?.unsettled == 1 }
        }
        let left = try await fixture.a.consume(from: "jobs")
        #expect(try await left.texts(1) == ["x"])
    }
}
