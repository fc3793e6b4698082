import Testing

@testable import MartletMQTT

@Suite struct TopicAliasesTests {
    @Test func theFirstTopicsGetTheNumbersThereAre() {
        var aliases = TopicAliases(limit: 2)
        #expect(aliases.use("a") == .introduce(1))
        #expect(aliases.use("a") == .alone(1))
        #expect(aliases.use("b") == .introduce(2))
        #expect(aliases.use("c") == .none)
        #expect(aliases.use("c") == .none)
        #expect(aliases.use("b") == .alone(2))
    }

    @Test func aNumberThatWasNotSentIsGivenAgain() {
        var aliases = TopicAliases(limit: 2)
        _ = aliases.use("a")
        #expect(aliases.use("b") == .introduce(2))
        aliases.withdraw("b")
        #expect(aliases.use("c") == .introduce(2))
        #expect(aliases.use("b") == .none)
        #expect(aliases.use("a") == .alone(1))
    }

    @Test func topicsThatLookAlikeAreTwo() {
        var aliases = TopicAliases(limit: 2)
        #expect(aliases.use("caf\u{E9}") == .introduce(1))
        #expect(aliases.use("cafe\u{301}") == .introduce(2))
        #expect(aliases.use("cafe\u{301}") == .alone(2))
    }

    @Test func aBrokerThatAllowsNoneGetsNone() {
        var aliases = TopicAliases(limit: 0)
        #expect(aliases.use("a") == .none)
    }
}
