import Testing

@testable import Martlet

/// How names are written on each wire: the table of the design, both ways.
struct NameFormTests {
    @Test(
        arguments: [
            ("shelly-1.2", "shelly-1.2", "shelly-1%2E2"), ("a/b", "a%2Fb", "a/b"), ("%2F", "%252F", "%2F"),
            ("50%", "50%", "50%"), ("%2f", "%2f", "%2f"), ("*", "*", "%2A"), ("#", "%23", "%23"), ("%2A", "%2A", "*"),
            ("%23", "%2523", "#"), ("%252A", "%252A", "%252A"), ("%252F", "%25252F", "%252F"), ("%2E", "%2E", "%252E"),
            ("a+b", "a%2Bb", "a+b"), ("%2B", "%252B", "%2B"), ("", "", ""),
            ("Living Room", "Living Room", "Living Room"),
            ("%25%2F", "%25%252F", "%25%2F"), ("a*", "a*", "a*"), ("%", "%", "%"),
            ("caf\u{E9}", "caf\u{E9}", "caf\u{E9}"),
        ]
    )
    func aSegmentIsWrittenAndRead(segment: String, mqtt: String, dotted: String) {
        for (form, wire) in [(NameForm.mqtt, mqtt), (.dotted, dotted)] {
            #expect(form.text(of: segment).hasSameBytes(as: wire))
            #expect(form.segments(of: wire) == [segment])
        }
    }

    @Test(
        arguments: [
            ("a/b", ["a", "b"]), ("/devices/a/temp", ["", "devices", "a", "temp"]), ("a//b", ["a", "", "b"]),
            ("trail/", ["trail", ""]), ("/", ["", ""]), ("star*x/y", ["star*x", "y"]),
            ("spBv1.0/g/DBIRTH/e", ["spBv1.0", "g", "DBIRTH", "e"]), ("$aws/things", ["$aws", "things"]),
            ("*", ["*"]), ("a/%23", ["a", "#"]),
        ] as [(String, [String])]
    )
    func topicsOfMQTTAreNames(topic: String, segments: [String]) throws {
        let name = TopicName(mqtt: topic)
        try name.validate()
        #expect(name.segments == segments)
        #expect(name.mqtt == topic)
        #expect(TopicName(name.text) == name)
        #expect(Topic<Int>(mqtt: topic).name == name)
        #expect(QueueName(mqtt: topic).mqtt == topic)
    }

    @Test(arguments: ["a/+", "#", "a+b", "a/b#"])
    func aTopicOfMQTTWithWildcardsIsNoName(topic: String) {
        #expect(throws: MessagingError.self) { try TopicName(mqtt: topic).validate() }
    }

    @Test(
        arguments: [
            ("zigbee2mqtt/+/state", ["zigbee2mqtt", "*", "state"], nil), ("#", ["#"], nil), ("+", ["*"], nil),
            ("/a/#", ["", "a", "#"], nil), ("$SYS/#", ["$SYS", "#"], nil), ("a", ["a"], nil),
            ("$share/workers/demo/+/state", ["demo", "*", "state"], "workers"), ("$share/g//", ["", ""], "g"),
            ("$shared/g/a", ["$shared", "g", "a"], nil),
        ] as [(String, [TopicPattern.Segment], String?)]
    )
    func filtersOfMQTTArePatterns(filter: String, segments: [TopicPattern.Segment], group: String?) throws {
        let pattern = TopicPattern(mqtt: filter)
        try pattern.validate()
        #expect(pattern.segments == segments)
        #expect(pattern.group == group)
        #expect(pattern.mqtt == filter)
        #expect(TopicFilter<Int>(mqtt: filter).pattern == pattern)
    }

    @Test(arguments: ["a/b+", "a/#/b", "#x", "$share/g", "$share//a", "$share/g+/a", "$share", "a/\u{0}"])
    func whatIsNoFilterOfMQTTIsNone(filter: String) {
        #expect(throws: MessagingError.self) { try TopicPattern(mqtt: filter).validate() }
    }

    @Test(arguments: [
        ("a/+/c", "a/b/c", true), ("a/+/c", "a/b/d", false), ("a/#", "a", true), ("a/#", "a/b/c", true),
        ("+", "a", true), ("+", "a/b", false), ("a//c", "a//c", true), ("a/+/c", "a//c", true), ("a.b", "a/b", false),
        ("a/b", "a.b", false), ("a/*", "a/b", false), ("a/*", "a/*", true), ("+/x.y", "a/x.y", true),
        ("/a", "/a", true),
        ("+/a", "/a", true), ("#", "$SYS/a", false), ("+/broker/version", "$SYS/broker/version", false),
    ])
    func topicsAreMatchedByTheirLevels(_ filter: String, _ topic: String, _ matches: Bool) {
        #expect(TopicPattern(mqtt: filter).matches(TopicName(mqtt: topic)) == matches)
    }

    /// Only what came from text may have meant a dot by its slash.
    @Test func aSlashThatCameFromTextIsKnown() {
        #expect(TopicName("a/b").hasWrittenSlash)
        #expect(TopicName("a/b").appending("c").hasWrittenSlash)
        #expect(!TopicName("a.b").hasWrittenSlash)
        #expect(!TopicName(segments: ["a/b"]).hasWrittenSlash)
        #expect(!TopicName(mqtt: "a/b").hasWrittenSlash)
        #expect(!TopicName("a").appending("b/c").hasWrittenSlash)
        #expect(TopicName("a/b", in: .dotted)?.hasWrittenSlash == false)
    }

    @Test func aNameOfWhichOthersAreMadeIsNotTooLong() throws {
        let names = WireNames(.dotted, broker: "AMQP", maximumBytes: 255)
        try names.check(QueueName(String(repeating: "a", count: 247)), ending: "_cancel")
        let error = #expect(throws: MessagingError.self) {
            try names.check(QueueName(String(repeating: "a", count: 248)), ending: "_cancel")
        }
        #expect(error?.code == .invalidQueue)
        #expect(
            error?.message.contains("has 248 bytes, and at most 247 are allowed") == true,
            "\(error?.message ?? "")"
        )
        // Three bytes on the wire each.
        #expect(throws: MessagingError.self) {
            try names.check(QueueName(segments: [String(repeating: ".", count: 83)]), ending: "_cancel")
        }
    }
}
