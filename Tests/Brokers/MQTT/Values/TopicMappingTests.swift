import Martlet
import Testing

@testable import MartletMQTT

@Suite struct TopicMappingTests {
    @Test(arguments: [
        ("a", "a"), ("a.b.c", "a/b/c"), ("a/b", "a/b"), ("a.b/c", "a/b/c"), ("größe.µ", "größe/µ"),
    ])
    func dotsAreSlashes(_ name: String, _ wire: String) throws {
        try TopicName(name).validate()
        #expect(TopicMapping.topic(name) == wire)
        #expect(TopicMapping.name(wire).text == name.split(separator: "/").joined(separator: "."))
    }

    @Test(arguments: [
        ("a.*.c", "a/+/c"), ("a.#", "a/#"), ("#", "#"), ("*", "+"), ("a.b", "a/b"), ("*.b/c.#", "+/b/c/#"),
    ])
    func wildcardsAreThoseOfMQTT(_ pattern: String, _ wire: String) throws {
        try TopicPattern(pattern).validate()
        #expect(TopicMapping.filter(TopicPattern(pattern)) == wire)
    }

    @Test(arguments: [
        ("a/+/c", "a/b/c", true), ("a/+/c", "a/b/d", false), ("a/#", "a", true), ("a/#", "a/b/c", true),
        ("+", "a", true), ("+", "a/b", false), ("a/b", "a/b", true), ("a//c", "a//c", true), ("a/+/c", "a//c", true),
        ("a.b", "a/b", false), ("a/b", "a.b", false), ("a/*", "a/b", false), ("a/*", "a/*", true),
        ("+/x.y", "a/x.y", true),
        ("/a", "/a", true), ("+/a", "/a", true),
    ])
    func topicsAreMatchedByTheirLevels(_ filter: String, _ topic: String, _ matches: Bool) {
        #expect(TopicMapping.key(filter: filter).matches(TopicMapping.key(topic: topic)) == matches)
    }

    @Test func aLongTopicGoesBothWays() throws {
        let name = (0..<128).map { "segment\($0)" }.joined(separator: ".")
        #expect(TopicMapping.name(TopicMapping.topic(name)).text == name)
    }
}
