import MartletTesting
import Testing

@testable import Martlet
@testable import MartletMQTT

@Suite(.timeLimit(.minutes(10))) struct WireFilterTests {
    @Test(
        arguments: [
            ("a/b", "a/b", true), ("a/b", "a/c", false), ("a/b", "a", false), ("a/b", "a/b/c", false),
            ("a/+", "a/b", true), ("a/+", "a/", true), ("a/+", "a", false), ("a/+", "a/b/c", false),
            ("+/b", "a/b", true), ("+/b", "/b", true), ("+", "", true), ("a/+/c", "a//c", true),
            ("a/#", "a", true), ("a/#", "a/", true), ("a/#", "a/b/c", true), ("a/#", "ab", false),
            ("a/b/#", "a", false),
            ("+/#", "a", true), ("#", "a/b", true), ("#", "$SYS/a", false), ("+/a", "$SYS/a", false),
            ("$SYS/#", "$SYS/a", true), ("é/+", "é/ü", true),
        ]
    )
    func aFilterMatchesWhatTheProtocolSays(filter: String, topic: String, matches: Bool) {
        #expect(WireFilter.matches(filter, topic) == matches, "\(filter) \(topic)")
    }

    /// On the wire and as a pattern and a name it is the same.
    @Test func itIsWhatPatternsMatch() {
        var random = SplitMix64(seed: 7)
        func some(_ segments: [String]) -> [String] {
            (0..<Int.random(in: 1...4, using: &random)).map { _ in segments.randomElement(using: &random) ?? "" }
        }
        var matching = 0
        for _ in 0..<50_000 {
            let topic = some(["", "a", "b", "$x", "a.b", "%2F"]).joined(separator: "/")
            let filter = (some(["", "a", "b", "+", "$x"]) + (Bool.random(using: &random) ? ["#"] : []))
                .joined(separator: "/")
            guard let name = TopicName(topic, in: .mqtt) else { continue }
            let expected = TopicPattern(mqtt: filter).matches(name)
            if expected { matching += 1 }
            #expect(WireFilter.matches(filter, topic) == expected, "\(filter) \(topic)")
        }
        #expect(matching > 1_000)
    }
}
