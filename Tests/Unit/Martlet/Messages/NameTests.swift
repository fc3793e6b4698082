import Martlet
import Testing

@Suite(.timeLimit(.minutes(5))) struct NameTests {
    @Test(arguments: ["a", "a.b", "sensors.sonar.front", "a-b_c.D9", "grüße.日本", "a/b.c"])
    func validNames(text: String) throws {
        try TopicName(text).validate()
        try QueueName(text).validate()
        try TopicPattern(text).validate()
    }

    @Test(arguments: [
        ("", "it is empty"), (".", "segment 1 is empty"), ("a..b", "segment 2 is empty"),
        ("a.b.", "segment 3 is empty"),
        ("a.*", "segment 2 contains the wildcard '*'"), ("#", "segment 1 contains the wildcard '#'"),
        ("a.b c", "segment 2 contains white space"), ("a.\u{0}", "segment 2 contains white space or a control"),
        ("a.+", "segment 2 contains '+'"), ("$SYS.broker", "it begins with '$'"),
        (String(repeating: "a", count: 65_536), "it has 65536 bytes"),
        (String(repeating: "a.", count: 128) + "a", "it has 129 segments"),
    ])
    func invalidNamesSayWhere(text: String, reason: String) {
        let error = #expect(throws: MessagingError.self) { try TopicName(text).validate() }
        #expect(error?.code == .invalidTopic)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
        #expect((error?.message.count ?? 0) < 300)
    }

    /// Whichever way it is found out.
    @Test func aCharacterIsValidOrNotWhateverIsBesideIt() {
        var misjudged: [String] = []
        let ranges: [ClosedRange<UInt32>] = [0...0x2ff, 0x1670...0x1690, 0x1ff0...0x2070, 0x2ff0...0x3010]
        for value in ranges.joined() {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let isWrong =
                "*#+".unicodeScalars.contains(scalar) || scalar.properties.isWhitespace
                || scalar.properties.generalCategory == .control
            for text in ["a\(scalar)", "é\(scalar)"] {
                let isValid = (try? TopicName(text).validate()) != nil
                if isValid == (isWrong || scalar == ".") { misjudged.append("U+" + String(value, radix: 16)) }
            }
        }
        #expect(misjudged.isEmpty)
    }

    @Test func rememberedNamesAreThoseOfTheirTopics() {
        var names = TopicCache()
        var mistaken: [String] = []
        for _ in 0..<2 {
            for number in 0..<3_000 {
                let wire = number % 7 == 0 ? String(repeating: "x", count: 300) + "/\(number)" : "a/\(number)"
                let name = names.name(of: wire) { TopicName($0.replacing("/", with: ".")) }
                if name.text != wire.replacing("/", with: ".") { mistaken.append(wire) }
            }
        }
        #expect(mistaken.isEmpty)
        var isMade = false
        _ = names.name(of: "a/2999") { text in
            isMade = true
            return TopicName(text)
        }
        #expect(!isMade)
    }

    @Test func longestNamesAreValid() throws {
        try TopicName(String(repeating: "a", count: 65_535)).validate()
        try TopicName(String(repeating: "a.", count: 127) + "a").validate()
    }

    @Test(arguments: ["*", "#", "a.*", "a.#", "*.b.*", "*.*.#", "a.b"])
    func validPatterns(text: String) throws {
        try TopicPattern(text).validate()
    }

    @Test(arguments: [
        ("#.a", "segment 1 is '#', which may only stand last"), ("a.b*", "segment 2 mixes '*'"),
        ("a.#b", "segment 2 mixes '#'"), ("**", "segment 1 mixes '*'"), ("a..#", "segment 2 is empty"),
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
        ("a.b", "a", false),
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
