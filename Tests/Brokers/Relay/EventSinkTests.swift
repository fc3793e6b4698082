import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletRelay

@Suite(.timeLimit(.minutes(10))) struct EventSinkTests {
    private let soon = SinkOptions(interval: .milliseconds(1))

    private func source(_ sink: EventSink, _ query: String = "", token: String? = nil) throws -> SourceConnection<
        EventSource
    > {
        var options = EventSourceOptions(reconnectionTime: .milliseconds(5))
        if let token { options.headers["authorization"] = Secret("Bearer \(token)") }
        let url = "http://127.0.0.1:\(sink.port)/events\(query)"
        return SourceConnection(
            try EventSource(url, options: options),
            options: SourceOptions(retry: Backoff(initial: .milliseconds(1), maximum: .milliseconds(5)))
        )
    }

    private func item(_ text: String, to topic: TopicName = "a.b") -> SinkItem {
        SinkItem(topic: topic, message: Message(text))
    }

    @Test func eventsReachThoseWhoWantThem() async throws {
        let sink = try await EventSink.open(EventSinkOptions(port: 0))
        let all = try source(sink)
        let some = try source(sink, "?topic=a.%23&topic=c")
        let (allEvents, someEvents) = (try await all.subscribe(to: "#"), try await some.subscribe(to: "#"))
        let connection = SinkConnection(sink, options: soon)
        for (topic, text) in [("a.b", "1"), ("b", "2"), ("c", "3\r\n4\r5"), ("a", "")] as [(TopicName, String)] {
            try await connection.publish(Message(text), to: topic, options: PublishOptions(guarantee: .atLeastOnce))
        }
        for (topic, text) in [("a.b", "1"), ("b", "2"), ("c", "3\n4\n5"), ("a", "")] {
            let delivery = try #require(try await allEvents.next())
            #expect(delivery.message.text == text)
            #expect(delivery.topic == TopicName(segments: [topic]))
        }
        for text in ["1", "3\n4\n5", ""] { #expect(try await someEvents.next()?.message.text == text) }
        for connection in [all, some] { await connection.close() }
        await connection.close()
    }

    @Test func whoComesAgainMissesNothing() async throws {
        let sink = try await EventSink.open(EventSinkOptions(port: 0))
        let first = try source(sink)
        var subscription = try await first.subscribe(to: "#")
        try await sink.deliver([item("1"), item("2")])
        #expect(try await subscription.next()?.message.text == "1")
        let second = try await subscription.next()
        #expect(second?.message.text == "2")
        await first.close()
        try await sink.deliver((3...1_000).map { item("\($0)") })
        let items = try await EventSource("http://127.0.0.1:\(sink.port)/events").items(
            from: second?.message.headers.messageID
        )
        var iterator = items.makeAsyncIterator()
        for number in 3...1_000 { #expect(try await iterator.next()?.message.text == "\(number)") }
        // An ID of another run: all that is kept.
        let others = try await EventSource("http://127.0.0.1:\(sink.port)/events").items(from: "x-3")
        var other = others.makeAsyncIterator()
        #expect(try await other.next()?.message.text == "1")
        // Without an ID: what comes.
        let late = try source(sink)
        subscription = try await late.subscribe(to: "#")
        try await sink.deliver([item("new")])
        #expect(try await subscription.next()?.message.text == "new")
        await late.close()
        await sink.close()
    }

    @Test func onlySoMuchIsKept() {
        let ring = EventRing(EventSinkOptions(maximumEvents: 3))
        for number in 1...5 { #expect(ring.append(item("\(number)"))) }
        var offset: UInt64 = 0
        guard case .missed = ring.next(at: &offset, []) else {
            Issue.record("it is not told that it missed some")
            return
        }
        offset = ring.start(behind: "other-7")
        var seen: [String] = []
        while case .event(let bytes) = ring.next(at: &offset, []) {
            seen.append(String(decoding: bytes, as: UTF8.self))
        }
        #expect(seen.map { $0.split(separator: "\n").last ?? "" } == ["data: 3", "data: 4", "data: 5"])
    }

    /// One that does not read does not hold up the others, nor take memory; it comes again by its ID.
    @Test func aSlowClientIsClosed() async throws {
        let sink = try await EventSink.open(EventSinkOptions(port: 0, maximumEvents: 20))
        let slow = try source(sink)
        let subscription = try await slow.subscribe(to: "#", options: SubscribeOptions(limit: 1))
        let large = String(repeating: "x", count: 100_000)
        for number in 1...300 { try await sink.deliver([item("\(number) \(large)")]) }
        var last = 0
        while last < 300 {
            let text = try #require(try await subscription.next()?.message.text)
            let number = try #require(Int(text.prefix { $0 != " " }))
            #expect(number > last)
            last = number
        }
        #expect(slow.statistics.linkFailures > 0)
        await slow.close()
        await sink.close()
    }

    @Test func whatIsNoTextIsRefused() async throws {
        let sink = try await EventSink.open(EventSinkOptions(port: 0))
        let connection = SinkConnection(sink, options: soon)
        let options = PublishOptions(guarantee: .atLeastOnce)
        #expect(
            await errorCode { try await connection.publish(Message([0xFF]), to: "a", options: options) } == .refused
        )
        try await connection.publish(Message("a"), to: "a", options: options)
        await connection.close()
    }

    @Test func strangersAreRefused() async throws {
        let sink = try await EventSink.open(EventSinkOptions(port: 0, token: "s3sam3", maximumClients: 2))
        for (query, token, code) in [
            ("", nil, "401"), ("", "no", "401"), ("?topic=%ff", "s3sam3", "400"), ("?topic=a.%23.b", "s3sam3", "400"),
            ("x", "s3sam3", "404"),
        ] {
            let connection = try source(sink, query, token: token)
            let subscription = try await connection.subscribe(to: "#")
            await #expect { _ = try await subscription.next() } throws: { "\($0)".contains(code) }
            await connection.close()
        }
        let friends = [
            try source(sink, token: "s3sam3"), try source(sink, token: "s3sam3"), try source(sink, token: "s3sam3"),
        ]
        var subscriptions: [Subscription] = []
        for friend in friends { subscriptions.append(try await friend.subscribe(to: "#")) }
        #expect(friends[2].statistics.lastLinkFailure?.contains("503") == true)
        for friend in friends { await friend.close() }
        await sink.close()
    }

    @Test func anEscapeOfAQueryIsTwoDigits() {
        for text in ["%", "%4", "%+1", "%-1", "%-0", "%+0", "% 1", "%4x", "%ff"] {
            #expect(FieldText.unescaped(Substring(text)) == nil, "\(text)")
        }
        #expect(FieldText.unescaped("a%2B+%c3%A9") == "a+ é")
    }

    /// Proxies pack or gather what they are not told to leave alone.
    @Test func proxiesAreToldToPassEventsOn() async throws {
        let sink = try await EventSink.open(EventSinkOptions(port: 0))
        let curl = try Program.find("curl", package: "curl")
        let head = ["--silent", "--include", "--max-time", "1", "http://127.0.0.1:\(sink.port)/events"]
        // It ends by its time limit, for the stream has no end.
        let run = try ProgramRun(curl, head)
        try await run.waitForEnd()
        let fields = run.output.lowercased().split(whereSeparator: \.isNewline)
        for field in [
            "content-type: text/event-stream", "cache-control: no-store, no-transform", "x-accel-buffering: no",
        ] {
            #expect(fields.contains { $0 == field }, "\(run.output)")
        }
        await sink.close()
    }

    /// Chunks would stand among the events for whoever knows none.
    @Test func anOlderClientGetsNoChunks() async throws {
        let sink = try await EventSink.open(EventSinkOptions(port: 0))
        let curl = try Program.find("curl", package: "curl")
        let head = ["--silent", "--include", "--raw", "--http1.0", "--max-time", "3"]
        let run = try ProgramRun(curl, head + ["http://127.0.0.1:\(sink.port)/events"])
        try await run.waitForEnd()
        let lines = run.output.lowercased().split(whereSeparator: \.isNewline)
        #expect(lines.first == "http/1.0 200 ok")
        #expect(lines.contains("connection: close") && !lines.contains { $0.hasPrefix("transfer-encoding") })
        #expect(lines.last == ":", "\(run.output)")
        await sink.close()
    }

    @Test func aPortThatIsTakenIsSaid() async throws {
        let sink = try await EventSink.open(EventSinkOptions(port: 0))
        #expect(await errorCode { _ = try await EventSink.open(EventSinkOptions(port: sink.port)) } == .notConnected)
        await sink.close()
    }
}
