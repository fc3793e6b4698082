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

    /// An ID that only looks like another is another.
    @Test func idsThatLookAlikeAreOfTwoMessages() async throws {
        let fixture = try await BridgeFixture()
        let heard = try await fixture.b.subscribe(to: "#")
        let bridge = fixture.bridge { Forward("a", options: RouteOptions(deduplication: 100)) }
        try await bridge.whileRunning {
            for id in ["caf\u{e9}", "cafe\u{301}", "caf\u{e9}", "end"] {
                let text = "\(id.unicodeScalars.count)"
                try await fixture.a.publish(Message(text, headers: ["message-id": .string(id)]), to: "a")
            }
            #expect(try await heard.texts(3) == ["4", "5", "3"])
        }
        #expect(bridge.reports[0].statistics.duplicates == 1)
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
}
