import IntegrationSupport
import Martlet
import MartletTesting
import Testing

@testable import MartletRelay

/// What becomes of a channel's messages after they were written: edited, deleted, answered, acknowledged.
@Suite(.timeLimit(.minutes(10))) struct SlackHistoryTests {
    private func source(
        _ base: String,
        file: String? = nil,
        _ acknowledgement: SlackOptions.Acknowledgement = .none
    ) throws -> SourceConnection<SlackSource> {
        let options = SlackOptions(
            token: Secret(SlackServer.token),
            channel: "#metrics",
            base: base,
            web: WebOptions(timeout: .seconds(20)),
            interval: .milliseconds(5),
            mark: "reader",
            acknowledgement: acknowledgement
        )
        return SourceConnection(
            try SlackSource(options),
            options: SourceOptions(
                positionFile: file,
                retry: Backoff(initial: .milliseconds(1), maximum: .milliseconds(5))
            )
        )
    }

    /// What comes until a message that says `end`.
    private func texts(_ subscription: Subscription) async throws -> [String] {
        var texts: [String] = []
        while let delivery = try await subscription.next(), delivery.message.text != "end" {
            texts.append(delivery.message.text ?? "")
            try delivery.ack()
        }
        return texts
    }

    @Test func whatIsChangedAfterwardsIsNoNewMessage() async throws {
        let slack = SlackServer()
        try await slack.withServer { base in
            let connection = try source(base)
            let subscription = try await connection.subscribe(to: "#")
            let (one, two) = (slack.write("1"), slack.write("2"))
            #expect(try await subscription.next()?.message.text == "1")
            #expect(try await subscription.next()?.message.text == "2")
            // Also the one behind which the source goes on.
            slack.edit(one, to: "1, edited")
            slack.edit(two, to: "2, edited")
            slack.write("3")
            #expect(try await subscription.next()?.message.text == "3")
            slack.delete(one, hasReplies: true)
            slack.delete(two)
            slack.write("4")
            slack.write("end")
            #expect(try await texts(subscription) == ["4"])
            #expect(connection.statistics.linkFailures == 0)
            await connection.close()
        }
    }

    @Test func aMessageComesAsItStandsWhenItIsRead() async throws {
        let slack = SlackServer()
        let file = try TemporaryFolder("slack").path("positions.json")
        try await slack.withServer { base in
            let durable = SubscribeOptions(durableName: "relay")
            let first = try source(base, file: file)
            var subscription = try await first.subscribe(to: "#", options: durable)
            let last = slack.write("1")
            try (try #require(try await subscription.next())).ack()
            await first.close()
            // The position is that of a message that is no more.
            slack.delete(last)
            let (edited, deleted, answered) = (slack.write("wrong"), slack.write("deleted"), slack.write("answered"))
            slack.edit(edited, to: "right")
            slack.delete(deleted)
            slack.delete(answered, hasReplies: true)
            slack.write("end")
            let second = try source(base, file: file)
            subscription = try await second.subscribe(to: "#", options: durable)
            #expect(try await texts(subscription) == ["right"])
            await second.close()
        }
    }

    /// As they are among the events of a channel, and as clients of other kinds keep them.
    @Test func whatOnlyTellsOfAMessageIsLeftOut() async throws {
        let slack = SlackServer()
        try await slack.withServer { base in
            let connection = try source(base)
            let subscription = try await connection.subscribe(to: "#")
            let inner = #","message":{"type":"message","text":"inner","ts":"1.2"}"#
            slack.write("", subtype: "message_changed", more: #","hidden":true"# + inner)
            slack.write("", subtype: "message_deleted", more: #","hidden":true,"deleted_ts":"1.2""#)
            slack.write("", subtype: "message_replied", more: inner)
            slack.write("was deleted", more: #","hidden":true"#)
            slack.write("has joined", subtype: "channel_join")
            slack.write("an answer that all see", subtype: "thread_broadcast", more: #","thread_ts":"1.2""#)
            slack.write("end")
            #expect(try await texts(subscription) == ["an answer that all see"])
            #expect(connection.statistics.linkFailures == 0)
            await connection.close()
        }
    }

    @Test func aBotMayWriteInBlocksOrAttachments() async throws {
        let slack = SlackServer()
        try await slack.withServer { base in
            let connection = try source(base)
            let subscription = try await connection.subscribe(to: "#")
            slack.write(
                "",
                subtype: "bot_message",
                more: #"""
                    ,"blocks":[{"type":"header","text":{"type":"plain_text","text":"disk"}},{"type":"divider"},
                    {"type":"section","fields":[{"type":"mrkdwn","text":"a &lt; b"},{"type":"mrkdwn","text":"c"}]},
                    {"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"Ack"}}]},
                    {"type":"context","elements":[{"type":"image","image_url":"x"},{"type":"mrkdwn","text":"now"}]}]
                    """#
            )
            slack.write(
                "",
                more: #"""
                    ,"blocks":[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[
                    {"type":"text","text":"a.b 1 "},{"type":"link","url":"http://x"}]},{"type":"rich_text_list","elements":[
                    {"type":"rich_text_section","elements":[{"type":"text","text":"one"}]},
                    {"type":"rich_text_section","elements":[{"type":"text","text":"two"}]}]}]}]
                    """#
            )
            slack.write(
                "",
                subtype: "bot_message",
                more: #"""
                    ,"attachments":[{"fallback":"no","title":"[FIRING] load","text":"high","fields":[
                    {"title":"host","value":"a"}]},{"fallback":"only this"}]
                    """#
            )
            slack.write("its own text", more: #","attachments":[{"fallback":"a picture"}]"#)
            slack.write("", more: #","blocks":[],"attachments":[{}]"#)
            slack.write("end")
            #expect(
                try await texts(subscription) == [
                    "disk\na < b\nc\nnow", "a.b 1 http://x\none\ntwo", "[FIRING] load\nhigh\nhost: a\nonly this",
                    "its own text",
                ]
            )
            await connection.close()
        }
    }

    /// Slack lets some apps ask for a page of few messages a minute, and all for few pages of channels.
    @Test func anAppThatMayAskSeldomGetsThroughAllPages() async throws {
        let slack = SlackServer()
        slack.pageSize = 3
        slack.isSlow = true
        try await slack.withServer { base in
            let connection = try source(base)
            let subscription = try await connection.subscribe(to: "#")
            // From then on nothing is missed; without patience it would not get there, and no further.
            try await until { connection.state == .connected || slack.calls.count > 100 }
            for number in 1...20 { slack.write("\(number)") }
            let calls = slack.calls.count
            try await until { slack.calls.count > calls + 80 }
            var texts: [String] = []
            while let delivery = subscription.nextIfReady() { texts.append(delivery.message.text ?? "") }
            #expect(texts == (1...20).map { "\($0)" })
            await connection.close()
        }
    }

    // MARK: Acknowledged

    @Test(arguments: [true, false]) func whatIsDoneWithGetsAReaction(_ isDurable: Bool) async throws {
        let slack = SlackServer()
        slack.expect([.rateLimit(seconds: 0), .torn], of: "reactions.add")
        let file = try TemporaryFolder("slack").path("positions.json")
        try await slack.withServer { base in
            let connection = try source(base, file: isDurable ? file : nil, .reaction("eyes"))
            let options = SubscribeOptions(durableName: isDurable ? "relay" : nil)
            let subscription = try await connection.subscribe(to: "#", options: options)
            for text in ["1", "2", "3"] { slack.write(text) }
            let first = try #require(try await subscription.next())
            let second = try #require(try await subscription.next())
            #expect(slack.reactions(to: "1").isEmpty)
            try first.ack()
            // Given back: it is not done with, and comes again.
            try second.nack(requeue: true)
            try await until { slack.reactions(to: "1") == ["eyes"] }
            var left: Set<String> = []
            while left != ["2", "3"], let delivery = try await subscription.next() {
                left.insert(delivery.message.text ?? "")
                #expect(slack.reactions(to: delivery.message.text ?? "").isEmpty)
                try delivery.ack()
            }
            // What was acknowledged before is told before it closes.
            await connection.close()
        }
        for text in ["1", "2", "3"] { #expect(slack.reactions(to: text) == ["eyes"]) }
    }

    @Test func whatIsDoneWithIsDeletedWhereThatIsAllowed() async throws {
        let slack = SlackServer()
        let file = try TemporaryFolder("slack").path("positions.json")
        try await slack.withServer { base in
            let durable = SubscribeOptions(limit: 1, durableName: "relay")
            let connection = try source(base, file: file, .deletion)
            let subscription = try await connection.subscribe(to: "#", options: durable)
            slack.write("own", isOwn: true)
            slack.write("another's")
            let gone = slack.write("gone meanwhile", isOwn: true)
            for text in ["own", "another's", "gone meanwhile"] {
                let delivery = try #require(try await subscription.next())
                #expect(delivery.message.text == text)
                if text == "gone meanwhile" { slack.delete(gone) }
                try delivery.ack()
            }
            await connection.close()
            #expect(slack.texts == ["another's"])
            slack.write("end")
            let other = try source(base, file: file, .deletion)
            #expect(try await texts(other.subscribe(to: "#", options: durable)) == [])
            await other.close()
        }
    }
}
