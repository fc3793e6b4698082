import Martlet
import Testing

@testable import MartletRelay

@Suite(.timeLimit(.minutes(1))) struct SlackTextTests {
    @Test(arguments: [
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("<http://a.b|a.b> 1 2", "a.b 1 2"),
        ("<http://a.b/?x=1&amp;y=2>", "http://a.b/?x=1&y=2"),
        ("<mailto:a@b.c|a@b.c>", "a@b.c"),
        ("<@U123> <#C1|metrics> <!here> <!subteam^S1|@team>", "@U123 #metrics @here @team"),
        ("<#C1|> <@U1|> <http://a.b|>", "#C1 @U1 http://a.b"),
        ("at <!date^1392734382^{date} {time}^http://a.b|18 Feb, 6:39>", "at 18 Feb, 6:39"),
        ("a < b", "a < b"),
        ("```\nx.y 1 2\nx.z 3 4\n```", "x.y 1 2\nx.z 3 4"),
        ("```x 1 2```", "x 1 2"),
        ("```a``` b ```c```", "```a``` b ```c```"),
        ("```", "```"),
        ("", ""),
    ]) func whatWasWrittenIsRead(_ text: String, _ plain: String) {
        #expect(SlackText.plain(text) == plain)
    }

    @Test func textsAreAsFewPostsAsCanBe() {
        let short = (0..<3).map { "a.b \($0)" }
        #expect(SlackText.posts(of: short) == [.init(text: "```\na.b 0\na.b 1\na.b 2\n```", itemCount: 3)])
        #expect(SlackText.posts(of: ["a", nil, "<&>"]) == [.init(text: "```\na\n&lt;&amp;&gt;\n```", itemCount: 3)])
        #expect(SlackText.posts(of: []).isEmpty)
        #expect(SlackText.posts(of: [nil]).isEmpty)
        #expect(SlackText.posts(of: ["a ```b```"]) == [.init(text: "a ```b```", itemCount: 1)])
    }

    @Test func noPostIsTooLong() {
        let line = String(repeating: "x", count: 999)
        let posts = SlackText.posts(of: Array(repeating: line, count: 10))
        #expect(posts.map(\.itemCount) == [3, 6, 9, 10])
        for text in [
            String(repeating: "y", count: 10_000), String(repeating: "<", count: 5_000),
            String(repeating: "\u{1F600}", count: 8_000), String(repeating: "e\u{301}", count: 5_000),
            (0..<2_000).map { "\($0)" }.joined(separator: "\n"),
        ] {
            let posts = SlackText.posts(of: ["a", text, "b"])
            #expect(posts.allSatisfy { $0.text.unicodeScalars.count <= SlackText.maximum + 8 })
            #expect(posts.last?.itemCount == 3)
            let joined = posts.map { SlackText.plain($0.text) }.joined().filter { $0 != "\n" }
            #expect(joined == ("a" + text + "b").filter { $0 != "\n" })
        }
    }

    @Test func pagesThatOverlapAreOneOrder() {
        func message(_ time: String) -> SlackMessage { SlackMessage(["ts": .string(time), "text": .string(time)])! }
        var intake = SlackIntake("10.000001")
        intake.add(["12.000002", "12.000001", "11.000000"].map(message))
        intake.add(["11.000000", "9.999999", "10.000001", "10.000002"].map(message))
        intake.end()
        var times: [String] = []
        while let next = intake.next() { times.append(next.time) }
        #expect(times == ["10.000002", "11.000000", "12.000001", "12.000002"])
        #expect(intake.position == "12.000002")
        #expect(SlackIntake.isEarlier("999.5", "1000.000001"))
    }

    @Test func ofVeryManyTheOldestAreKept() {
        var intake = SlackIntake("0")
        for number in (1...SlackIntake.maximum + 500).reversed() {
            intake.add([SlackMessage(["ts": .string("\(number).0")])!])
        }
        intake.end()
        var count = 0
        while intake.next() != nil { count += 1 }
        #expect(count == SlackIntake.maximum)
        #expect(intake.position == "\(SlackIntake.maximum).0")
    }
}
