import Martlet
import Testing

@testable import MartletMQTT

@Suite struct SubscriptionTableTests {
    typealias Table = SubscriptionTable<String>

    @Test func oneFilterOfSeveralMembersIsAskedForOnce() {
        var table = Table()
        let first = table.add("a", filter: "s/+", quality: 1, wantsRetained: false)
        #expect(first.change == .subscribe(filter: 1))
        table.granted(1)
        let second = table.add("b", filter: "s/+", quality: 0, wantsRetained: false)
        #expect(second.change == .none)
        #expect(table.receivers(of: "s/x") == ["a", "b"])
        #expect(table.remove(first.member) == .none)
        #expect(table.receivers(of: "s/x") == ["b"])
        #expect(table.remove(second.member) == .unsubscribe(text: "s/+"))
        #expect(table.isEmpty)
        #expect(table.receivers(of: "s/x") == nil)
    }

    @Test func aMemberIsRemovedOnce() {
        var table = Table()
        let (member, _) = table.add("a", filter: "s", quality: 0, wantsRetained: false)
        #expect(table.remove(member) == .unsubscribe(text: "s"))
        #expect(table.remove(member) == .none)
        #expect(table.remove(77) == .none)
    }

    @Test func aFilterNotYetGrantedIsAskedForAgain() {
        var table = Table()
        _ = table.add("a", filter: "s", quality: 0, wantsRetained: false)
        let second = table.add("b", filter: "s", quality: 0, wantsRetained: false)
        #expect(second.change == .subscribe(filter: 1), "nobody knows yet whether the broker will agree")
    }

    @Test func aBetterGuaranteeIsAskedForAnew() {
        var table = Table()
        _ = table.add("a", filter: "s", quality: 0, wantsRetained: false)
        table.granted(1)
        #expect(table.add("b", filter: "s", quality: 2, wantsRetained: false).change == .subscribe(filter: 1))
        #expect(table[filter: 1]?.quality == 2)
    }

    @Test func ownMessagesAreAskedForByOneWhoWantsThem() {
        var table = Table()
        _ = table.add("a", filter: "s", quality: 0, wantsRetained: false, noLocal: true)
        table.granted(1)
        #expect(table[filter: 1]?.noLocal == true)
        let second = table.add("b", filter: "s", quality: 0, wantsRetained: false, noLocal: false)
        #expect(second.change == .subscribe(filter: 1))
        #expect(table[filter: 1]?.noLocal == false)
    }

    @Test func newMessagesThatAreKeptAreToldToThoseWhoAskAndLostByNobody() {
        var table = Table()
        _ = table.add("old", filter: "s", quality: 0, wantsRetained: true)
        table.granted(1)
        let second = table.add("asks", filter: "s", quality: 0, wantsRetained: true, retainAsPublished: true)
        #expect(second.change == .subscribe(filter: 1))
        #expect(table[filter: 1]?.retainAsPublished == true)
        let told = table.deliveries(of: "s", by: [1], isRetained: true) ?? []
        #expect(told.map(\.receiver) == ["old", "asks"])
        #expect(told.map(\.isRetained) == [false, true])
        let plain = table.deliveries(of: "s", by: [1], isRetained: false) ?? []
        #expect(plain.map(\.isRetained) == [false, false])
        _ = table.remove(second.member)
        #expect(table[filter: 1]?.retainAsPublished == false)
    }

    @Test func overlappingFiltersGetAMessageEach() {
        var table = Table()
        _ = table.add("one", filter: "s/x", quality: 0, wantsRetained: false)
        _ = table.add("any", filter: "s/+", quality: 0, wantsRetained: false)
        _ = table.add("rest", filter: "s/#", quality: 0, wantsRetained: false)
        _ = table.add("other", filter: "t/#", quality: 0, wantsRetained: false)
        #expect(table.receivers(of: "s/x").map(Set.init) == ["one", "any", "rest"])
        #expect(table.receivers(of: "s") == ["rest"])
        #expect(table.receivers(of: "s/x", by: [2]) == ["any"], "MQTT 5 tells by which it came")
        #expect(table.receivers(of: "s/x", by: [1, 3]) == ["one", "rest"])
        #expect(table.receivers(of: "s/x", by: [99]) == nil, "of one that was just left")
    }

    @Test func membersOfASharedFilterTakeTurns() {
        var table = Table()
        let a = table.add("a", filter: "q", group: "g", quality: 1, wantsRetained: false)
        table.granted(1)
        _ = table.add("b", filter: "q", group: "g", quality: 1, wantsRetained: false)
        _ = table.add("c", filter: "q", group: "g", quality: 1, wantsRetained: false)
        #expect(table[filter: 1]?.text == "$share/g/q")
        let turns = (0..<6).compactMap { _ in table.receivers(of: "q")?.first }
        #expect(turns == ["a", "b", "c", "a", "b", "c"])
        _ = table.remove(a.member)
        let later = (0..<4).compactMap { _ in table.receivers(of: "q") }
        #expect(later.allSatisfy { $0.count == 1 })
        #expect(Set(later.joined()) == ["b", "c"])
    }

    @Test func groupsOfOneQueueGetAMessageEach() {
        var table = Table()
        _ = table.add("a", filter: "q", group: "g", quality: 1, wantsRetained: false)
        _ = table.add("b", filter: "q", group: "h", quality: 1, wantsRetained: false)
        _ = table.add("c", filter: "q", quality: 1, wantsRetained: false)
        #expect(table.all.map(\.text) == ["$share/g/q", "$share/h/q", "q"])
        #expect(table.receivers(of: "q", by: [2]) == ["b"])
    }

    @Test func keptMessagesAreForTheNewcomerAlone() {
        var table = Table()
        _ = table.add("old", filter: "s", quality: 0, wantsRetained: true)
        table.granted(1)
        #expect(table.receivers(of: "s", isRetained: true) == ["old"])
        let (member, change) = table.add("new", filter: "s", quality: 0, wantsRetained: true)
        #expect(change == .subscribe(filter: 1), "only asking again brings them")
        #expect(table.receivers(of: "s", isRetained: true) == ["new"])
        #expect(table.receivers(of: "s", isRetained: false) == ["old", "new"])
        _ = table.remove(member)
        #expect(table.receivers(of: "s", isRetained: true) == [], "it is known, and nobody wants it again")
    }

    @Test func withoutIdentifiersKeptMessagesGoToWhoAskedLast() {
        var table = Table()
        _ = table.add("wide", filter: "s/#", quality: 0, wantsRetained: true)
        _ = table.add("narrow", filter: "s/x", quality: 0, wantsRetained: true)
        #expect(table.receivers(of: "s/x", isRetained: true) == ["narrow"])
        #expect(table.receivers(of: "s/y", isRetained: true) == ["wide"], "the last one does not match it")
    }

    @Test func afterAReconnectKeptMessagesAreForAllWhoWantThem() {
        var table = Table()
        _ = table.add("a", filter: "s", quality: 0, wantsRetained: true)
        _ = table.add("b", filter: "s", quality: 0, wantsRetained: true)
        _ = table.add("c", filter: "s", quality: 0, wantsRetained: false)
        table.restored()
        #expect(table.receivers(of: "s", by: [1], isRetained: true) == ["a", "b"])
    }

    @Test func aRefusedFilterTakesItsMembersWithIt() {
        var table = Table()
        let (member, _) = table.add("a", filter: "s", quality: 0, wantsRetained: false)
        _ = table.add("b", filter: "s", quality: 0, wantsRetained: false)
        _ = table.add("c", filter: "t", quality: 0, wantsRetained: false)
        #expect(table.removeFilter(1) == ["a", "b"])
        #expect(table.removeFilter(1) == [])
        #expect(table.remove(member) == .none)
        #expect(table.all.map(\.text) == ["t"])
    }

    @Test(arguments: [
        ("a/b", "a/b", true), ("a/+", "a/b", true), ("a/#", "a", true), ("a/#", "a/b/c", true), ("+/b", "a/+", true),
        ("#", "x/y", true), ("a/b", "a/c", false), ("a/+", "a", false), ("a/+", "a/b/c", false), ("a", "b", false),
    ])
    func sharedAndOrdinaryFiltersThatOverlapAreInConflict(_ first: String, _ second: String, _ overlap: Bool) {
        var table = Table()
        _ = table.add("a", filter: first, quality: 0, wantsRetained: false)
        let key = TopicPattern(mqtt: second)
        #expect((table.conflict(with: "$share/g/\(second)", key: key, isShared: true) != nil) == overlap)
        #expect(table.conflict(with: second, key: key, isShared: false) == nil, "two ordinary ones are in no conflict")
    }

    /// Each message comes once for each group, and does not say for which.
    @Test func twoGroupsWhoseFiltersOverlapAreInConflict() {
        var table = Table()
        _ = table.add("a", filter: "a/#", group: "g", quality: 0, wantsRetained: false)
        let key = TopicPattern(mqtt: "a/b")
        #expect(table.conflict(with: "$share/h/a/b", key: key, isShared: true) != nil)
        #expect(table.conflict(with: "$share/g/a/#", key: TopicPattern(mqtt: "a/#"), isShared: true) == nil)
        #expect(table.conflict(with: "$share/h/b", key: "b", isShared: true) == nil)
    }

    @Test func filtersThatLookAlikeAreTwo() {
        var table = Table()
        let (composed, decomposed) = ("x/caf\u{E9}", "x/cafe\u{301}")
        _ = table.add("composed", filter: composed, quality: 0, wantsRetained: false)
        _ = table.add("decomposed", filter: decomposed, quality: 0, wantsRetained: false)
        #expect(table.all.count == 2)
        #expect(table.receivers(of: composed) == ["composed"])
        #expect(table.receivers(of: decomposed) == ["decomposed"])
    }

    @Test func aFirstWildcardMatchesNothingThatBeginsWithADollar() {
        var table = Table()
        _ = table.add("all", filter: "#", quality: 0, wantsRetained: false)
        _ = table.add("first", filter: "+/x", quality: 0, wantsRetained: false)
        _ = table.add("system", filter: "$SYS/#", quality: 0, wantsRetained: false)
        #expect(table.receivers(of: "$SYS/x") == ["system"])
        #expect(table.receivers(of: "a/x") == ["all", "first"])
    }
}

extension SubscriptionTable<String> {
    /// Who gets a message; `nil` if it is for nobody.
    fileprivate mutating func receivers(
        of topic: String,
        by identified: [Int] = [],
        isRetained: Bool = false
    ) -> [String]? {
        deliveries(of: topic, by: identified, isRetained: isRetained)?.map(\.receiver)
    }

    /// Who gets a message, and whether it is told to be a kept one; `nil` if it is for nobody.
    fileprivate mutating func deliveries(
        of topic: String,
        by identified: [Int] = [],
        isRetained: Bool
    ) -> [(receiver: String, isRetained: Bool)]? {
        var receivers: [(receiver: String, isRetained: Bool)] = []
        let isWanted = forEachReceiver(
            of: TopicName(mqtt: topic),
            identified: identified,
            isRetained: isRetained
        ) { receivers.append(($0, $1)) }
        return isWanted ? receivers : nil
    }
}
