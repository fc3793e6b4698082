import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct NameTests {
    @Test(arguments: [
        "a", "a.b", "sensors.sonar.front", "a-b_c.D9", "grüße.日本", "a/b.c", ".", "a..b", "a. b", "a.+", "a*", "#x",
        "**",
        "$SYS.broker", "%", "%2A.%23.%2E", "a\u{1}\n",
    ])
    func validNames(text: String) throws {
        try TopicName(text).validate()
        try QueueName(text).validate()
        try TopicPattern(text).validate()
        #expect(TopicName(text).text == text)
        #expect(TopicName(segments: TopicName(text).segments) == TopicName(text))
        #expect(TopicPattern(text) == TopicPattern(TopicName(text)))
        #expect(TopicPattern(text).matches(TopicName(text)))
    }

    @Test(arguments: [
        (
            "a.*",
            "segment 2 is the wildcard '*', which only a filter may have; the segment of that character is written '%2A'"
        ),
        ("#", "segment 1 is the wildcard '#'"), ("#.b", "is written '%23'"), ("a.\u{0}", "segment 2 contains U+0000"),
        (String(repeating: "a", count: 65_536), "it has 65536 bytes"),
        (String(repeating: "a.", count: 256) + "a", "it has 257 segments"),
    ])
    func invalidNamesSayWhere(text: String, reason: String) {
        let error = #expect(throws: MessagingError.self) { try TopicName(text).validate() }
        #expect(error?.code == .invalidTopic)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
        #expect((error?.message.count ?? 0) < 300)
        #expect(throws: MessagingError.self) { try QueueName(text).validate() }
    }

    @Test func theEmptyNameIsATopicAndNoQueue() throws {
        try TopicName("").validate()
        #expect(TopicName("").segments == [""])
        #expect(throws: MessagingError.self) { try QueueName("").validate() }
        #expect(throws: MessagingError.self) { try TopicName(segments: []).validate() }
        #expect(throws: MessagingError.self) { try TopicPattern(segments: []).validate() }
    }

    /// The text's codes are not what is counted.
    @Test func theBoundIsOfTheSegments() throws {
        try TopicName(segments: [String(repeating: ".", count: 65_535)]).validate()
        #expect(throws: MessagingError.self) {
            try TopicName(segments: [String(repeating: ".", count: 65_536)]).validate()
        }
    }

    @Test(
        arguments: [
            (["sensors", "sonar", "front"], "sensors.sonar.front"), (["shelly-1.2"], "shelly-1%2E2"),
            (["*", "#"], "%2A.%23"),
            (["%2A"], "%252A"), (["%252A", "%2E"], "%25252A.%252E"), (["a*", "%2Ab"], "a*.%2Ab"),
            (["50%", "%2f"], "50%.%2f"),
            (["", "", ""], ".."), (["Living Room"], "Living Room"), (["%25", ".", "%"], "%25.%2E.%"),
        ] as [([String], String)]
    )
    func segmentsAreWrittenAsText(segments: [String], text: String) {
        #expect(TopicName(segments: segments).text == text)
        #expect(TopicName(text).segments == segments)
        #expect(QueueName(segments: segments) == QueueName(text))
    }

    /// One word, its accent in the letter and behind it: equal to Swift, two names on every wire.
    @Test func namesThatLookAlikeAreTwo() {
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        #expect(composed == decomposed)
        #expect(TopicName(composed) != TopicName(decomposed))
        #expect(Set([QueueName(composed), QueueName(decomposed)]).count == 2)
        #expect(TopicPattern(composed) != TopicPattern(decomposed))
        #expect(!TopicPattern("\(composed).*").matches(TopicName("\(decomposed).x")))
        #expect(!TopicPattern(composed).matches(TopicName(decomposed)))
        #expect(TopicPattern("\(composed).#") != TopicPattern("\(decomposed).#"))
        // These two have even as many bytes.
        #expect(TopicName("\u{340}") != TopicName("\u{300}"))
        var headers: Headers = [composed: 1]
        headers[decomposed] = 2
        #expect(headers.count == 2)
        #expect(headers[composed] == 1)
        #expect(headers != [composed: 1])
        let others: [Headers.Element] = (0..<20).map { ("\($0)", HeaderValue.integer(0)) }
        let many = Headers(received: others + [(composed, 1), (decomposed, 2)])
        #expect(many.count == 22)
        var cache = TopicCache(.mqtt)
        #expect(cache.name(of: composed) != cache.name(of: decomposed))
    }

    @Test func rememberedNamesAreThoseOfTheirTopics() {
        var names = TopicCache(.mqtt)
        var mistaken: [String] = []
        for _ in 0..<2 {
            for number in 0..<3_000 {
                let wire = number % 7 == 0 ? String(repeating: "x", count: 300) + "/\(number)" : "a/\(number)"
                if names.name(of: wire)?.text != wire.replacing("/", with: ".") { mistaken.append(wire) }
            }
        }
        #expect(mistaken.isEmpty)
        let remembered = names.name(of: "a/2999")
        #expect(remembered.map { kept in names.name(of: "a/2999")?.isSame(as: kept) == true } == true)
        #expect(names.name(of: String(repeating: "/", count: 256)) == nil)
    }

    @Test func longestNamesAreValid() throws {
        try TopicName(String(repeating: "a", count: 65_535)).validate()
        try TopicName(String(repeating: "a.", count: 255) + "a").validate()
    }

    @Test(arguments: ["*", "#", "a.*", "a.#", "*.b.*", "*.*.#", "a.b"])
    func validPatterns(text: String) throws {
        try TopicPattern(text).validate()
    }

    @Test(arguments: [
        ("#.a", "segment 1 is '#', which may only stand last"), ("a.\u{0}.*", "segment 2 contains U+0000"),
        (String(repeating: "*.", count: 256) + "a", "it has 257 segments"),
    ])
    func invalidPatternsSayWhere(text: String, reason: String) {
        let error = #expect(throws: MessagingError.self) { try TopicPattern(text).validate() }
        #expect(error?.code == .invalidFilter)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }

    @Test(arguments: [
        ("a.b", "a.b", true), ("a.b", "a.c", false), ("a.*", "a.b", true), ("a.*", "a", false), ("a.*", "a.b.c", false),
        ("*", "a", true), ("*", "a.b", false), ("#", "a", true), ("#", "a.b.c", true), ("a.#", "a", true),
        ("a.#", "a.b.c", true), ("a.#", "b", false), ("*.b.#", "a.b", true), ("*.b.#", "a.c", false),
        ("a.b", "a", false), ("*", "", true), ("#", "", true), ("a.*", "a.", true), ("*.*", ".", true),
        ("a*", "a*", true),
        ("a*.*", "ab.c", false), ("*", "$SYS", false), ("#", "$SYS.broker", false), ("*.broker", "$SYS.broker", false),
        ("$SYS.#", "$SYS.broker", true), ("$SYS.*", "$SYS.broker", true), ("a.*", "a.$b", true), ("%2A", "%2A", true),
        ("%2A", "a", false), ("%2A.*", "%2A.x", true), ("%2A.*", "a.x", false), ("#", "a$", true),
    ])
    func matching(pattern: String, topic: String, matches: Bool) {
        #expect(TopicPattern(pattern).matches(TopicName(topic)) == matches)
    }

    @Test func namesOfOneTextAreEqual() {
        #expect(TopicName("a.b") == TopicName("a.b"))
        #expect(Set([TopicName("a.b"), TopicName("a.b"), TopicName("a.c")]).count == 2)
        enum Jobs: String { case resize }
        #expect(QueueName(Jobs.resize) == "resize")
    }
}
