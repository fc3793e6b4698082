import Martlet
import MartletTesting
import Testing

@testable import struct Martlet.TopicShape
@testable import struct Martlet.TopicTemplate

struct TopicShapeTests {
    @Test(
        arguments: [
            ("a.b", "a.b", true), ("a.b", "a.c", false), ("a.*", "a.b", true), ("a.*", "a", false),
            ("a.#", "a", true), ("a.#", "b.#", false), ("*.b", "a.*", true), ("#", "x.y.z", true),
            ("a.*.c", "a.#", true), ("a.*.c", "*.b.*", true), ("a.b.c", "a.*", false), ("#", "#", true),
            ("#", "$a.b", false), ("*.b", "$a.b", false), ("$a.#", "$a.b", true), ("*.b", "$a.#", false),
        ]
    )
    func tellsWhatOverlaps(a: String, b: String, expected: Bool) {
        let (a, b) = (TopicShape(TopicPattern(a)), TopicShape(TopicPattern(b)))
        #expect(a.overlaps(b) == expected)
        #expect(b.overlaps(a) == expected)
    }

    /// Against every topic there is of two segments' names and a few lengths.
    @Test func agreesWithTrying() {
        var random = SplitMix64(seed: 7)
        var topics = ["a", "b"]
        var longest = topics
        for _ in 0..<4 {
            longest = longest.flatMap { ["\($0).a", "\($0).b"] }
            topics += longest
        }
        for _ in 0..<500 {
            let a = TopicPattern(random.name(of: ["a", "b", "*"], last: ["a", "b", "*", "#"]))
            let b = TopicPattern(random.name(of: ["a", "b", "*"], last: ["a", "b", "*", "#"]))
            let expected = topics.contains { a.matches(TopicName($0)) && b.matches(TopicName($0)) }
            #expect(TopicShape(a).overlaps(TopicShape(b)) == expected, "\(a) and \(b)")
        }
    }

    @Test func isThatOfWhatATemplateMakes() throws {
        let shape = try TopicTemplate("site.{1}.x-{2}.{rest}").shape(for: "a.*.*.#")
        #expect(shape.segments == [.literal("site"), .one, .one, .many])
        #expect(try TopicTemplate("p.{topic}").shape(for: "a.*").segments == [.literal("p"), .literal("a"), .one])
        // What stands after the rest counts.
        let middle = try TopicTemplate("{rest}.end").shape(for: "#")
        #expect(middle.overlaps(TopicShape("a.b.end")))
        #expect(!middle.overlaps(TopicShape("a.b.c")))
    }
}
