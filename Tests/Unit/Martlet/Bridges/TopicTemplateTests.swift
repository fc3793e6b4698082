import Martlet
import Testing

@testable import struct Martlet.TopicTemplate

struct TopicTemplateTests {
    private static func made(_ template: String, _ pattern: String, _ topic: String) throws -> String? {
        try TopicTemplate(template).topic(for: TopicName(topic), matching: TopicPattern(pattern), origin: "or.igin")?
            .text
    }

    @Test(
        arguments: [
            ("{topic}", "sensors.#", "sensors.door", "sensors.door"),
            ("site.berlin.{rest}", "sensors.#", "sensors.sonar.front", "site.berlin.sonar.front"),
            ("site.berlin.{rest}", "sensors.#", "sensors", "site.berlin"),
            ("site.berlin.{topic}", "sensors.#", "sensors.door", "site.berlin.sensors.door"),
            ("{rest}", "site.berlin.#", "site.berlin.sensors.door", "sensors.door"),
            ("site.{1}.{rest}", "*.raw.#", "lab.raw.a.b", "site.lab.a.b"),
            ("{2}.{1}", "a.*.*", "a.x.y", "y.x"),
            ("cam-{1}.v{2}", "a.*.*", "a.x.y", "cam-x.vy"),
            ("{rest}.late", "a.#", "a.b.c", "b.c.late"),
            ("fixed.name", "a.#", "a.b", "fixed.name"),
            ("back.{origin}", "jobs", "jobs", "back.or.igin"),
        ]
    )
    func makesATopic(template: String, pattern: String, topic: String, expected: String) throws {
        #expect(try Self.made(template, pattern, topic) == expected)
    }

    @Test func whatIsNoTopicIsNone() throws {
        #expect(try Self.made("{rest}", "site.#", "site") == nil)
        #expect(try TopicTemplate("a.{origin}").topic(for: "jobs", matching: "jobs") == nil)
        // It came by another way than its pattern.
        #expect(try Self.made("x.{2}", "a.*.*", "a.b") == nil)
    }

    @Test(arguments: ["a.{", "a.{0}", "a.{x}", "a.*", "a.#", "a.\u{0}", "a.x{rest}", "a.{-1}", "a.{1}}{"])
    func refusesWhatIsNoTemplate(text: String) {
        #expect(throws: MessagingError.self) { try TopicTemplate(text) }
    }

    @Test(arguments: [("a.{rest}", "a.*"), ("a.{2}", "a.*.#"), ("a.{1}", "a.b"), ("a.{99999999999999999999}", "*")])
    func refusesWhatThePatternDoesNotGive(template: String, pattern: String) {
        #expect(throws: MessagingError.self) { try TopicTemplate(template).validate(for: TopicPattern(pattern)) }
    }

    @Test(
        arguments: [
            ("sensors.#", "site.berlin.{rest}", "site.berlin.#", "sensors.{rest}"),
            ("sensors.#", "site.{topic}", "site.sensors.#", "sensors.{rest}"),
            ("a.*.*.#", "{2}.x.{1}.{rest}", "*.x.*.#", "a.{2}.{1}.{rest}"),
            ("chat", "{topic}", "chat", "chat"),
        ]
    )
    func isReadBackwards(pattern: String, template: String, back: String, backTemplate: String) throws {
        let reversed = try TopicTemplate(template).reversed(from: TopicPattern(pattern))
        #expect(reversed.pattern.text == back)
        #expect(reversed.template.text == backTemplate)
    }

    /// Whatever is in a segment, it stays one.
    @Test func capturesAreNeverCutAgain() throws {
        let pattern = TopicPattern(mqtt: "owntracks/+/+")
        let template = try TopicTemplate("site.{2}.of.{1}-{1}")
        let came = TopicName(mqtt: "owntracks/user@example.org/phone")
        let made = try #require(template.topic(for: came, matching: pattern))
        #expect(made.segments == ["site", "phone", "of", "user@example.org-user@example.org"])
        let rest = TopicName(segments: ["a.b", "", "*", "%2E", " "])
        #expect(
            try TopicTemplate("x.{rest}").topic(for: rest, matching: "*.#")?.segments == ["x", "", "*", "%2E", " "]
        )
        #expect(TopicTemplate.identity.topic(for: rest, matching: "#") == rest)
        let origin = TopicName(segments: ["o.1", "%2A"])
        let back = try TopicTemplate("back.{origin}").topic(for: "q", matching: "q", origin: TopicName(origin.text))
        #expect(back?.segments == ["back", "o.1", "%2A"])
    }

    /// Also of segments with braces, dots and what reads like their codes.
    @Test func itsTextIsReadAsItself() throws {
        for text in ["a%2Eb.{1}.%2A", "%7B1%7D.x{1}%7D{2}", "%257B.%252A.{rest}", "{topic}", "a..{1}"] {
            #expect(try TopicTemplate(text).text == text)
        }
        let pattern = TopicPattern(segments: [.literal("{1}"), .one, .literal("a.b"), .rest])
        let (there, back) = try TopicTemplate("x.{topic}").reversed(from: pattern)
        let topic = TopicName(segments: ["x", "{1}", "s.t", "a.b", "c"])
        #expect(there.matches(topic))
        let again = try TopicTemplate(back.text)
        #expect(again.topic(for: topic, matching: there)?.segments == ["{1}", "s.t", "a.b", "c"])
    }

    @Test(arguments: [
        ("a.*", "b"), ("a.#", "b"), ("a.*", "b.{1}.{1}"), ("a.*", "b.x{1}"), ("a.#", "{rest}.b"), ("a", "{origin}"),
    ])
    func hasNoWayBack(pattern: String, template: String) throws {
        let template = try TopicTemplate(template)
        #expect(throws: MessagingError.self) { try template.reversed(from: TopicPattern(pattern)) }
    }
}
