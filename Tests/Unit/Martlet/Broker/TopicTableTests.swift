import MartletTesting
import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct TopicTableTests {
    /// What the tree finds is what the pattern itself says, whatever was inserted and removed before.
    @Test func itFindsWhatThePatternMatches() {
        var generator = SplitMix64(seed: 11)
        var table = TopicTable<Int>()
        var reference: [TopicName: Int] = [:]
        for number in 0..<3_000 {
            let topic = TopicName(generator.name(of: ["a", "b", "c", "d"], last: ["a", "b", "c"]))
            if generator.next() % 3 == 0 {
                let wasThere = table.remove(topic)
                #expect(wasThere == (reference.removeValue(forKey: topic) != nil))
            } else {
                table.set(number, for: topic)
                reference[topic] = number
            }
            guard number % 10 == 0 else { continue }
            let pattern = TopicPattern(generator.name(of: ["a", "b", "*"], last: ["a", "*", "#"]))
            let expected = reference.keys.filter { pattern.matches($0) }
            #expect(table.topics(matching: pattern).map(\.text).sorted() == expected.map(\.text).sorted())
            #expect(table.count == reference.count)
            #expect(table[topic] == reference[topic])
        }
        table.removeAll()
        #expect(table.count == 0)
        #expect(table.topics(matching: "#").isEmpty)
    }

    /// A hundred thousand topics, and a look at the few nodes that the pattern admits.
    @Test func aLookWalksOnlyWhatThePatternAdmits() {
        var tree = TopicTree()
        for room in 0..<1_000 {
            for lamp in 0..<100 { tree.insert(TopicName("house.room\(room).lamp\(lamp).state")) }
        }
        func visits(_ pattern: TopicPattern) -> (topics: Int, nodes: Int) {
            var topics = 0
            let nodes = tree.forEachMatch(of: pattern) { _ in topics += 1 }
            return (topics, nodes)
        }
        #expect(visits("house.room7.lamp3.state") == (1, 5))
        #expect(visits("house.room7.*.state") == (100, 203))
        #expect(visits("house.room7.lamp3.#") == (1, 5))
        #expect(visits("garden.#") == (0, 1))
        #expect(visits("#").topics == 100_000)
        for room in 0..<1_000 {
            for lamp in 0..<100 { tree.remove(TopicName("house.room\(room).lamp\(lamp).state")) }
        }
        #expect(visits("#") == (0, 1))
    }
}

@Suite(.timeLimit(.minutes(10))) struct SubscriberIndexTests {
    private func subscriber(_ number: Int) -> Subscriber {
        Subscriber(
            recipient: Recipient(client: 1, number: number),
            retainAsPublished: false,
            knowsTopic: false,
            share: nil,
            isSession: false
        )
    }

    /// One subscription that comes or goes costs the topics that it matches a search, and the others nothing.
    @Test func oneSubscriptionForgetsOnlyItsOwnTopics() {
        var index = SubscriberIndex(cachedTopics: 1_000)
        let topics = (0..<500).map { TopicName("house.room\($0).lamp") }
        func publishToAll() -> Int {
            let before = index.searches
            for topic in topics { _ = index.subscribers(of: topic) }
            return index.searches - before
        }
        index.insert(subscriber(1), id: 1, for: "house.#")
        #expect(publishToAll() == 500)
        #expect(publishToAll() == 0)
        index.insert(subscriber(2), id: 2, for: "garden.*.lamp")
        #expect(publishToAll() == 0)
        index.insert(subscriber(3), id: 3, for: "house.room7.lamp")
        #expect(publishToAll() == 1)
        #expect(index.subscribers(of: topics[7]).map(\.recipient.number).sorted() == [1, 3])
        index.remove(id: 3, for: "house.room7.lamp")
        #expect(publishToAll() == 1)
        #expect(index.subscribers(of: topics[7]).map(\.recipient.number) == [1])
        index.remove(id: 1, for: "house.#")
        #expect(publishToAll() == 500)
        #expect(index.subscribers(of: topics[7]).isEmpty)
    }

    /// Whatever is remembered, the subscribers are those whose patterns match.
    @Test func whatIsRememberedIsRight() {
        var generator = SplitMix64(seed: 5)
        var index = SubscriberIndex(cachedTopics: 20)
        var patterns: [Int: TopicPattern] = [:]
        for number in 0..<20_000 {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0:
                let pattern = TopicPattern(generator.name(of: ["a", "b", "*"], last: ["a", "b", "*", "#"]))
                index.insert(subscriber(number), id: number, for: pattern)
                patterns[number] = pattern
            case 1:
                guard let old = patterns.keys.sorted().randomElement(using: &generator) else { break }
                patterns.removeValue(forKey: old).map { index.remove(id: old, for: $0) }
            default:
                let topic = TopicName(generator.name(of: ["a", "b"], last: ["a", "b"]))
                let expected = patterns.filter { $0.value.matches(topic) }.keys.sorted()
                #expect(index.subscribers(of: topic).map(\.recipient.number).sorted() == expected)
            }
        }
        #expect(index.searches < 16_000, "some were remembered")
    }

    /// However many topics there are, it remembers no more than it may.
    @Test func itRemembersNoMoreThanItMay() {
        var index = SubscriberIndex(cachedTopics: 10)
        index.insert(subscriber(1), id: 1, for: "#")
        for number in 0..<100 { #expect(index.subscribers(of: TopicName("t\(number)")).count == 1) }
        for number in 90..<100 { _ = index.subscribers(of: TopicName("t\(number)")) }
        #expect(index.searches == 100)
    }
}
