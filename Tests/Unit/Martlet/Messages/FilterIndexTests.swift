import MartletTesting
import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct FilterIndexTests {
    private func matches(_ index: FilterIndex<Int>, _ topic: TopicName) -> [Int] {
        var found: [Int] = []
        index.forEachMatch(of: topic) { found.append($0) }
        return found.sorted()
    }

    /// Whatever is inserted and removed, the index finds what trying every pattern finds.
    @Test(.onOneThread, arguments: 0..<20 as Range<UInt64>)
    func agreesWithTryingEveryPattern(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var index = FilterIndex<Int>()
        var patterns: [Int: TopicPattern] = [:]
        for id in 0..<400 {
            if patterns.count > 20, Bool.random(using: &random),
                let victim = patterns.keys.sorted().randomElement(using: &random)
            {
                patterns[victim].map { index.remove(id: victim, for: $0) }
                patterns[victim] = nil
            } else {
                let pattern = TopicPattern(random.name(of: ["a", "b", "c", "*"], last: ["a", "*", "#"]))
                index.insert(id, id: id, for: pattern)
                patterns[id] = pattern
            }
            let topic = TopicName(random.name(of: ["a", "b", "c", "d"], last: ["a", "b", "d"]))
            #expect(matches(index, topic) == patterns.filter { $0.value.matches(topic) }.keys.sorted())
        }
        #expect(index.count == patterns.count)
    }

    @Test func removingWhatIsNotThereChangesNothing() {
        var index = FilterIndex<Int>()
        index.insert(1, id: 1, for: "a.*.c")
        index.remove(id: 2, for: "a.*.c")
        index.remove(id: 1, for: "a.b.c")
        index.remove(id: 1, for: "a.#")
        #expect(matches(index, "a.x.c") == [1])
        index.remove(id: 1, for: "a.*.c")
        #expect(index.count == 0)
        #expect(matches(index, "a.x.c").isEmpty)
    }

    /// The cost of a match is bound by the topic's depth, not by how many others subscribe.
    @Test(.onOneThread) func matchingVisitsFewNodesAmongManySubscriptions() {
        func index(of count: Int) -> FilterIndex<Int> {
            var index = FilterIndex<Int>()
            // The same twenty match in both.
            let matching: [TopicPattern] = [
                "site.7.floor.3.temperature", "site.7.floor.*.temperature", "site.*.floor.3.#", "*.7.#", "site.#",
            ]
            for id in 0..<20 { index.insert(id, id: id, for: matching[id % matching.count]) }
            for id in 20..<count {
                let pattern: TopicPattern =
                    switch id % 5 {
                    case 0: TopicPattern("site.\(id).floor.*.temperature")
                    case 1: TopicPattern("site.*.floor.\(id).temperature")
                    case 2: TopicPattern("*.\(id).floor.3.#")
                    case 3: TopicPattern("site.7.floor.3.humidity\(id)")
                    default: TopicPattern("site.7.room.\(id).#")
                    }
                index.insert(id, id: id, for: pattern)
            }
            return index
        }
        let topic: TopicName = "site.7.floor.3.temperature"
        let small = index(of: 100)
        let large = index(of: 100_000)
        #expect(matches(small, topic) == Array(0..<20))
        #expect(matches(large, topic) == Array(0..<20))
        let few = small.forEachMatch(of: topic) { _ in }
        let many = large.forEachMatch(of: topic) { _ in }
        #expect(many <= 3 * few, "\(many) nodes visited among 100,000, \(few) among 100")
    }
}
