import IntegrationSupport
import Martlet
import MartletTesting
import Synchronization
import Testing

@testable import MartletRelay

@Suite(.timeLimit(.minutes(10))) struct SlackTests {
    private let soon = SinkOptions(
        interval: .milliseconds(1),
        retry: Backoff(initial: .milliseconds(1), maximum: .milliseconds(5))
    )
    private let sure = PublishOptions(guarantee: .atLeastOnce)

    private func options(_ base: String, mark: String = "sender", interval: Duration = .milliseconds(5)) -> SlackOptions
    {
        SlackOptions(
            token: Secret(SlackServer.token),
            channel: "#metrics",
            base: base,
            web: WebOptions(timeout: .seconds(20)),
            interval: interval,
            mark: mark
        )
    }

    private func source(_ base: String, file: String? = nil) throws -> SourceConnection<SlackSource> {
        SourceConnection(
            try SlackSource(options(base, mark: "reader")),
            options: SourceOptions(
                positionFile: file,
                retry: Backoff(initial: .milliseconds(1), maximum: .milliseconds(5))
            )
        )
    }

    // MARK: The sink

    private func publish(_ texts: [String], on connection: SinkConnection<SlackSink>) async throws -> [Martlet
        .Confirmation]
    {
        var confirmations: [Martlet.Confirmation] = []
        for text in texts {
            confirmations.append(try await connection.beginPublishing(Message(text), to: "a.b", options: sure))
        }
        return confirmations
    }

    @Test func messagesThatWaitAreOnePost() async throws {
        let slack = SlackServer()
        try await slack.withServer { base in
            let sink = try SlackSink(options(base))
            let items = (1...100).map { SinkItem(topic: "a", message: Message("a.b \($0) <17>")) }
            try await sink.deliver(items)
            await sink.close()
        }
        #expect(slack.texts.count == 1)
        #expect(slack.texts[0].hasPrefix("```\na.b 1 &lt;17&gt;\na.b 2"))
    }

    @Test func postsAreApart() async throws {
        let slack = SlackServer()
        try await slack.withServer { base in
            let sink = try SlackSink(options(base, interval: .milliseconds(100)))
            let long = String(repeating: "x", count: 3_000)
            try await sink.deliver((1...4).map { _ in SinkItem(topic: "a", message: Message(long)) })
            await sink.close()
        }
        let times = slack.postTimes
        #expect(times.count == 4)
        for (one, next) in zip(times, times.dropFirst()) { #expect(next - one > .milliseconds(80)) }
    }

    /// Whatever happens to a call: what was posted is not posted again, and nothing is lost.
    @Test(
        arguments: [
            [.rateLimit(seconds: 0)], [.status(503)], [.torn], [.silence(isDone: true)],
            [.silence(isDone: false)], [.notOK("internal_error"), .torn, .silence(isDone: true)],
        ] as [[SlackServer.Trouble]]
    ) func eachMessageIsPostedOnce(_ troubles: [SlackServer.Trouble]) async throws {
        let slack = SlackServer()
        slack.expect(troubles, of: "chat.postMessage")
        try await slack.withServer { base in
            let connection = SinkConnection(try SlackSink(options(base)), options: soon)
            for confirmation in try await publish(["1", "2"], on: connection) { try await confirmation.wait() }
            for confirmation in try await publish(["3"], on: connection) { try await confirmation.wait() }
            await connection.close()
        }
        let lines = slack.texts.flatMap { SlackText.plain($0).split(separator: "\n").map(String.init) }
        #expect(lines == ["1", "2", "3"])
    }

    /// The search for a post goes through the pages, and goes wrong itself.
    @Test func aPostOfUnknownFateIsFoundAgain() async throws {
        let slack = SlackServer()
        slack.pageSize = 3
        slack.expect([.silence(isDone: true)], of: "chat.postMessage")
        slack.expect([.status(500), .torn, .rateLimit(seconds: 0)], of: "conversations.history")
        try await slack.withServer { base in
            let connection = SinkConnection(try SlackSink(options(base)), options: soon)
            let confirmations = try await publish(["1"], on: connection)
            try await until { slack.texts.count == 1 }
            for number in 0..<7 { slack.write("other \(number)") }
            try await confirmations[0].wait()
            await connection.close()
        }
        #expect(slack.texts.filter { SlackText.plain($0) == "1" }.count == 1)
    }

    /// A bot that must not read the channel can't look for it.
    @Test func betterTwiceThanNever() async throws {
        let slack = SlackServer()
        slack.expect([.silence(isDone: true)], of: "chat.postMessage")
        slack.expect([.notOK("missing_scope")], of: "conversations.history")
        try await slack.withServer { base in
            let connection = SinkConnection(try SlackSink(options(base)), options: soon)
            for confirmation in try await publish(["1"], on: connection) { try await confirmation.wait() }
            await connection.close()
        }
        #expect(slack.texts.map(SlackText.plain) == ["1", "1"])
    }

    @Test func whatIsRefusedDiesAlone() async throws {
        let slack = SlackServer()
        slack.expect([.notOK("msg_too_long")], of: "chat.postMessage")
        try await slack.withServer { base in
            let connection = SinkConnection(try SlackSink(options(base)), options: soon)
            let bad = try await publish(["1"], on: connection)
            await #expect { try await bad[0].wait() } throws: {
                ($0 as? MessagingError)?.code == .refused && "\($0)".contains("msg_too_long")
            }
            let bytes = try await connection.beginPublishing(Message([0xFF]), to: "a", options: sure)
            let blank = try await connection.beginPublishing(Message(" \n"), to: "a", options: sure)
            for confirmation in try await publish(["2"], on: connection) { try await confirmation.wait() }
            #expect(await errorCode { try await bytes.wait() } == .refused)
            #expect(await errorCode { try await blank.wait() } == .refused)
            await connection.close()
        }
        #expect(slack.texts.map(SlackText.plain) == ["2"])
    }

    /// Somebody has to do something, or Slack has not said how long to wait; until then messages wait.
    @Test(
        arguments: [
            (.notOK("not_in_channel"), "not_in_channel"), (.notOK("ratelimited"), "fewer calls"),
            (.rateLimit(seconds: nil), "fewer calls"),
        ] as [(SlackServer.Trouble, String)]
    )
    func whatLastsIsWaitedForAndTold(_ trouble: SlackServer.Trouble, _ text: String) async throws {
        let slack = SlackServer()
        slack.expect([trouble], of: "chat.postMessage")
        let clock = TestClock()
        try await slack.withServer { base in
            let connection = SinkConnection(
                try SlackSink(options(base)),
                options: soon,
                connection: ConnectionOptions(clock: clock)
            )
            let confirmations = try await publish(["1"], on: connection)
            for await state in connection.states() where state == .disconnected { break }
            #expect(connection.statistics.lastLinkFailure?.contains(text) == true)
            #expect(connection.statistics.lastLinkFailure?.contains("xoxb") == false)
            try await clock.waitForSleepers()
            clock.advance(by: .seconds(61))
            try await confirmations[0].wait()
            await connection.close()
        }
        #expect(slack.texts.count == 1)
    }

    @Test func anIncomingHookPosts() async throws {
        let bodies = Mutex<[String]>([])
        let statuses = Mutex([500, 429, 400, 200])
        try await WebServer.withServer { request, reply in
            bodies.withLock { $0.append(request.text) }
            let status = statuses.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
            try await reply.answer(status, status == 400 ? "invalid_payload" : "ok", ["Retry-After": "0"])
        } _: { server in
            let hook = try SlackSink(hook: Secret(server.url + "/services/T0/B0/s3sam3"), interval: .milliseconds(1))
            let connection = SinkConnection(hook, options: soon)
            let first = try await publish(["1"], on: connection)
            await #expect { try await first[0].wait() } throws: {
                "\($0)".contains("invalid_payload") && !"\($0)".contains("s3sam3")
            }
            for confirmation in try await publish(["2 & 3"], on: connection) { try await confirmation.wait() }
            await connection.close()
        }
        #expect(bodies.withLock { $0.count } == 4)
        #expect(bodies.withLock { $0.last } == #"{"text":"```\n2 &amp; 3\n```"}"#)
    }

    // MARK: The source

    @Test func whatIsWrittenComesInItsOrder() async throws {
        let slack = SlackServer()
        slack.pageSize = 7
        slack.write("before")
        try await slack.withServer { base in
            let connection = try source(base)
            let subscription = try await connection.subscribe(to: "metrics")
            // More than a page between two looks.
            for number in 1...50 { slack.write("a.b \(number) &lt;1&gt;") }
            slack.write("somebody has joined", subtype: "channel_join")
            slack.write("of a bot", subtype: "bot_message")
            for number in 1...50 { #expect(try await subscription.next()?.message.text == "a.b \(number) <1>") }
            #expect(try await subscription.next()?.message.text == "of a bot")
            await connection.close()
        }
    }

    @Test(
        arguments: [
            [.rateLimit(seconds: 0)], [.status(500)], [.torn], [.silence(isDone: true)], [.notOK("fatal_error")],
        ] as [[SlackServer.Trouble]]
    ) func nothingIsMissedByTrouble(_ troubles: [SlackServer.Trouble]) async throws {
        let slack = SlackServer()
        slack.pageSize = 3
        try await slack.withServer { base in
            let connection = try source(base)
            let subscription = try await connection.subscribe(to: "#")
            for round in 0..<5 {
                slack.expect(troubles, of: "conversations.history")
                for number in 0..<8 { slack.write("\(round * 8 + number)") }
                for number in 0..<8 { #expect(try await subscription.next()?.message.text == "\(round * 8 + number)") }
            }
            #expect(connection.statistics.linkFailures >= 5)
            await connection.close()
        }
    }

    @Test func anotherRunGoesOn() async throws {
        let slack = SlackServer()
        let file = try TemporaryFolder("slack").path("positions.json")
        let durable = SubscribeOptions(durableName: "relay")
        try await slack.withServer { base in
            for run in 0..<3 {
                if run > 0 { slack.write("while away \(run)") }
                let connection = try source(base, file: file)
                let subscription = try await connection.subscribe(to: "#", options: durable)
                slack.write("while there \(run)")
                for text in run > 0 ? ["while away \(run)", "while there \(run)"] : ["while there 0"] {
                    let delivery = try #require(try await subscription.next())
                    #expect(delivery.message.text == text)
                    try delivery.ack()
                }
                await connection.close()
            }
        }
    }

    /// Two relays, one each way, do not read what they post themselves; another one's they do.
    @Test func ownMessagesAreNotReadBack() async throws {
        let slack = SlackServer()
        try await slack.withServer { base in
            let connection = try source(base)
            let subscription = try await connection.subscribe(to: "#")
            let own = try SlackSink(options(base, mark: "reader"))
            let other = try SlackSink(options(base, mark: "other"))
            try await own.deliver([SinkItem(topic: "a", message: Message("own"))])
            try await other.deliver([SinkItem(topic: "a", message: Message("x.y 1 2\nx.z 3 4"))])
            #expect(try await subscription.next()?.message.text == "x.y 1 2\nx.z 3 4")
            for sink in [own, other] { await sink.close() }
            await connection.close()
        }
    }

    @Test func aWrongTokenIsToldAndNotShown() async throws {
        let slack = SlackServer()
        try await slack.withServer { base in
            var wrong = options(base)
            wrong.token = "xoxb-wrong"
            #expect(!"\(wrong)".contains("xoxb"))
            let connection = SourceConnection(try SlackSource(wrong))
            _ = try await connection.subscribe(to: "#")
            let failure = connection.statistics.lastLinkFailure ?? ""
            #expect(failure.contains("invalid_auth"))
            #expect(!failure.contains("xoxb"))
            await connection.close()
        }
        #expect(throws: MessagingError.self) { try SlackSource(SlackOptions(token: "", channel: "a")) }
        #expect(throws: MessagingError.self) { try SlackSource(SlackOptions(token: "a b", channel: "a")) }
    }
}
