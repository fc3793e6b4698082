import Martlet
import Testing

@testable import MartletMQTT

@Suite struct SubscriptionTableTests {
    typealias Table = SubscriptionTable<String>

    @Test func oneFilterOfSeveralMembersIsAskedForOnce() {
        var table = Table()
        let first = table.join("a", "s/+", quality: 1)
        #expect(first.actions == [.subscribe(filter: table.number("s/+"))])
        table.grant("s/+")
        let second = table.join("b", "s/+")
        #expect(second.actions == [])
        #expect(table.receivers(of: "s/x") == ["a", "b"])
        #expect(table.leave(first.member) == [])
        #expect(table.receivers(of: "s/x") == ["b"])
        #expect(table.leave(second.member) == [.unsubscribe(text: "s/+")])
        #expect(table.isEmpty)
        #expect(table.receivers(of: "s/x") == [], "it was left")
        #expect(table.receivers(of: "t/x") == nil)
    }

    @Test func manyReadersOfOneFilterWaitForWhatIsKept() {
        var table = Table()
        for number in 0..<100 { _ = table.join("\(number)", "s/+", wantsRetained: true) }
        table.grant("s/+")
        func readers(_ topic: String, isRetained: Bool) -> Int {
            let arrival = Arrival(
                topic: topic,
                body: [],
                isRetained: isRetained,
                identified: [table.number("s/+")]
            )
            var count = 0
            _ = table.forEachReceiver(of: arrival, name: { nil }, { _, _ in count += 1 })
            return count
        }
        #expect(readers("s/1", isRetained: false) == 100)
        #expect(readers("s/1", isRetained: true) == 0, "they have a newer one")
        #expect(readers("s/2", isRetained: true) == 100)
        table.readDry(at: .seconds(100))
        #expect(readers("s/3", isRetained: true) == 100, "nobody waits any more: it is new")
    }

    @Test func aMemberIsRemovedOnce() {
        var table = Table()
        let member = table.join("a", "s").member
        #expect(table.leave(member) == [.unsubscribe(text: "s")])
        #expect(table.leave(member) == [])
        #expect(table.leave(77) == [])
    }

    @Test func aFilterNotYetGrantedIsAskedForAgain() {
        var table = Table()
        _ = table.join("a", "s")
        let second = table.join("b", "s")
        #expect(
            second.actions == [.subscribe(filter: table.number("s"))],
            "nobody knows yet whether the broker will agree"
        )
    }

    @Test func aBetterGuaranteeIsAskedForAnew() {
        var table = Table()
        _ = table.join("a", "s")
        table.grant("s")
        #expect(table.join("b", "s", quality: 2).actions == [.subscribe(filter: table.number("s"))])
        #expect(table.terms("s")?.quality == 2)
    }

    @Test func ownMessagesAreAskedForByOneWhoWantsThem() {
        var table = Table()
        _ = table.join("a", "s", noLocal: true)
        table.grant("s")
        #expect(table.terms("s")?.noLocal == true)
        #expect(table.join("b", "s").actions == [.subscribe(filter: table.number("s"))])
        #expect(table.terms("s")?.noLocal == false)
    }

    @Test func newMessagesThatAreKeptAreToldToThoseWhoAskAndLostByNobody() {
        var table = Table()
        _ = table.join("old", "s", wantsRetained: true)
        table.grant("s")
        let second = table.join("asks", "s", wantsRetained: true, retainAsPublished: true)
        #expect(second.actions == [.subscribe(filter: table.number("s"))])
        #expect(table.terms("s")?.retainAsPublished == true)
        table.grant("s")
        #expect(table.receivers(of: "s", by: ["s"], isRetained: true) == ["old", "asks"], "what the broker kept")
        let told = table.deliveries(of: "s", by: ["s"], isRetained: true) ?? []
        #expect(told.map(\.receiver) == ["old", "asks"])
        #expect(told.map(\.isRetained) == [false, true])
        let plain = table.deliveries(of: "s", by: ["s"], isRetained: false) ?? []
        #expect(plain.map(\.isRetained) == [false, false])
        _ = table.leave(second.member)
        _ = table.join("late", "s", wantsRetained: true)
        #expect(table.terms("s")?.retainAsPublished == false)
    }

    @Test func overlappingFiltersGetAMessageEach() {
        var table = Table()
        _ = table.join("one", "s/x")
        _ = table.join("any", "s/+")
        _ = table.join("rest", "s/#")
        _ = table.join("other", "t/#")
        #expect(table.receivers(of: "s/x").map(Set.init) == ["one", "any", "rest"])
        #expect(table.receivers(of: "s") == ["rest"])
        #expect(table.receivers(of: "s/x", by: ["s/+"]) == ["any"], "MQTT 5 tells by which it came")
        #expect(table.receivers(of: "s/x", by: ["s/x", "s/#"]) == ["one", "rest"])
        #expect(table.receivers(of: "t", numbers: [99]) == ["other"])
        #expect(table.receivers(of: "u", numbers: [99]) == nil, "of one that was just left")
    }

    /// A broker that keeps a session keeps the numbers of the process before.
    @Test func aNumberCountsOnlyForTopicsThatItsFilterMatches() {
        var table = Table(isKept: true)
        _ = table.join("door", "new/door")
        _ = table.join("all", "t/#")
        let door = table.number("new/door")
        #expect(table.receivers(of: "old/temperature", numbers: [door]) == nil)
        #expect(table.receivers(of: "t/x", numbers: [door]) == ["all"], "then the topic decides")
        #expect(table.receivers(of: "new/door", numbers: [77]) == ["door"])
    }

    @Test func aFilterHasTheSameNumberInEachProcess() {
        var (first, second) = (Table(), Table())
        for filter in ["a", "b", "c/#"] { _ = first.join(filter, filter) }
        for filter in ["c/#", "d", "b", "a"] { _ = second.join(filter, filter) }
        for filter in ["a", "b", "c/#"] { #expect(first.number(filter) == second.number(filter)) }
        let numbers = Set((0..<10_000).map { SubscriptionIdentifier.preferred(for: "topic/\($0)") })
        #expect(numbers.allSatisfy { (1...SubscriptionIdentifier.maximum).contains($0) })
        #expect(numbers.count > 9_990, "two of them seldom have the same")
    }

    @Test func membersOfASharedFilterTakeTurns() {
        var table = Table()
        let a = table.join("a", "q", group: "g", quality: 1)
        table.grant("$share/g/q")
        _ = table.join("b", "q", group: "g", quality: 1)
        _ = table.join("c", "q", group: "g", quality: 1)
        #expect(table.all.map(\.text) == ["$share/g/q"])
        let turns = (0..<6).compactMap { _ in table.receivers(of: "q")?.first }
        #expect(turns == ["a", "b", "c", "a", "b", "c"])
        _ = table.leave(a.member)
        let later = (0..<4).compactMap { _ in table.receivers(of: "q") }
        #expect(later.allSatisfy { $0.count == 1 })
        #expect(Set(later.joined()) == ["b", "c"])
    }

    @Test func groupsOfOneQueueGetAMessageEach() {
        var table = Table()
        _ = table.join("a", "q", group: "g", quality: 1)
        _ = table.join("b", "q", group: "h", quality: 1)
        _ = table.join("c", "q", quality: 1)
        #expect(table.all.map(\.text) == ["$share/g/q", "$share/h/q", "q"])
        #expect(table.receivers(of: "q", by: ["$share/h/q"]) == ["b"])
    }

    @Test func keptMessagesAreForThoseWhoHaveNotHadThem() {
        var table = Table()
        _ = table.join("old", "s", wantsRetained: true)
        table.grant("s")
        #expect(table.receivers(of: "s", by: ["s"], isRetained: true) == ["old"])
        let (member, actions) = table.join("new", "s", wantsRetained: true)
        #expect(actions == [.subscribe(filter: table.number("s"))], "only asking again brings them")
        #expect(table.receivers(of: "s", by: ["s"], isRetained: true) == ["new"])
        #expect(table.receivers(of: "s", by: ["s"], isRetained: false) == ["old", "new"])
        _ = table.leave(member)
        #expect(table.receivers(of: "s", by: ["s"], isRetained: true) == [], "it is known, and nobody wants it again")
    }

    /// Two subscribe to the same at once: the broker is asked twice, and sends all twice.
    @Test func eachOfTwoThatAskAtOnceGetsKeptMessagesOnce() {
        var table = Table()
        _ = table.join("a", "s/+", wantsRetained: true)
        _ = table.join("b", "s/+", wantsRetained: true)
        #expect(table.receivers(of: "s/x", by: ["s/+"], isRetained: true) == ["a", "b"])
        #expect(table.receivers(of: "s/x", by: ["s/+"], isRetained: true) == [])
        #expect(table.receivers(of: "s/y", by: ["s/+"], isRetained: true) == ["a", "b"])
    }

    /// Some brokers leave the mark on what they pass on.
    @Test func whatNoSubscribeExplainsIsNew() {
        var table = Table()
        _ = table.join("a", "s/+", wantsRetained: true)
        _ = table.join("b", "s/+")
        #expect(table.receivers(of: "s/y", by: ["s/+"], isRetained: true) == ["a"], "it may have been kept")
        #expect(table.receivers(of: "s/y", by: ["s/+"], isRetained: true) == [], "it was asked twice")
        let told = table.deliveries(of: "s/y", by: ["s/+"], isRetained: true) ?? []
        #expect(told.map(\.receiver) == ["a", "b"])
        #expect(told.map(\.isRetained) == [false, false])
    }

    @Test func whoIsNotSentWhatIsKeptGetsAllThatIsMarked() {
        var table = Table()
        _ = table.add("a", filter: "s", quality: 0, wantsRetained: false)
        let ask = table.ask(table.number("s"), replays: false)
        #expect(ask != nil)
        #expect(table.receivers(of: "s", by: ["s"], isRetained: true) == ["a"])
    }

    @Test func aNumberOfThisConnectionIsBelieved() {
        var table = Table()
        _ = table.join("a", "$exclusive/t/1")
        #expect(table.receivers(of: "t/1", by: ["$exclusive/t/1"]) == ["a"])
        #expect(table.receivers(of: "t/1") == nil)
    }

    @Test func whatTheBrokerGivesIsWhatIsGranted() throws {
        var table = Table()
        _ = table.join("a", "s", quality: 2)
        let first = table.ask(table.number("s"))
        let ask = try #require(first)
        table.granted(ask, quality: 1)
        #expect(table.join("b", "s", quality: 2).actions == [.subscribe(filter: table.number("s"))])
        #expect(table.join("c", "s", quality: 1).actions == [.subscribe(filter: table.number("s"))], "for b")
        #expect(table[filter: table.number("s")]?.granted?.quality == 1)
    }

    @Test func whoWasRefusedIsAskedForAgainWithWhatIsKept() throws {
        var table = Table()
        _ = table.join("a", "s", wantsRetained: true)
        let first = table.ask(table.number("s"))
        let ask = try #require(first)
        #expect(table.retainedDemand(table.number("s")) == .nobody, "it was asked for them")
        table.granted(ask)
        table.restore(isIdentified: true, hasSession: false)
        let second = table.ask(table.number("s"))
        let again = try #require(second)
        #expect(table.isOwed(table.number("s")))
        table.refused(again)
        #expect(table.retainedDemand(table.number("s")) == .somebody)
        #expect(table.isOwed(table.number("s")))
    }

    @Test func afterAReconnectKeptMessagesAreForAllWhoWantThem() {
        var table = Table()
        _ = table.join("a", "s", wantsRetained: true)
        _ = table.join("b", "s", wantsRetained: true)
        _ = table.join("c", "s")
        #expect(table.receivers(of: "s", by: ["s"], isRetained: true) == ["a", "b"])
        table.restore(isIdentified: true, hasSession: false)
        #expect(table.takeActions() == [.subscribe(filter: table.number("s"))])
        _ = table.ask(table.number("s"))
        #expect(table.receivers(of: "s", by: ["s"], isRetained: true) == ["a", "b"])
    }

    @Test func aRefusedFilterTakesItsMembersWithIt() {
        var table = Table()
        let member = table.join("a", "s").member
        _ = table.join("b", "s")
        _ = table.join("c", "t")
        let number = table.number("s")
        #expect(table.removeFilter(number) == ["a", "b"])
        #expect(table.removeFilter(number) == [])
        #expect(table.leave(member) == [])
        #expect(table.all.map(\.text) == ["t"])
    }

    // MARK: Kept by the broker

    @Test func whatIsKeptStaysWithoutAReaderUntilItIsEndedForGood() {
        var table = Table(isKept: true)
        let member = table.join("a", "s", quality: 1).member
        #expect(table.remove(member, keeps: true) == nil)
        #expect(table.takeActions() == [])
        #expect(table.outcome(of: "s", by: ["s"]).isLeft == true, "it is nobody's")
        table.restore(isIdentified: true, hasSession: true)
        #expect(table.takeActions() == [.subscribe(filter: table.number("s"))], "each server is to keep it")
        #expect(table.terms("s")?.quality == 1)
        #expect(table.removeUnread("s") == true)
        #expect(table.takeActions() == [.unsubscribe(text: "s")])
        #expect(table.removeUnread("s") == false)
    }

    /// What was on its way when a filter was left is not for the next one that matches it.
    @Test func whatComesByAFilterThatWasEndedIsForNobody() {
        var table = Table(isKept: true)
        let number = SubscriptionIdentifier.preferred(for: "s/x")
        _ = table.leave(table.join("a", "s/x", quality: 1).member)
        _ = table.join("next", "s/+", quality: 1)
        #expect(table.receivers(of: "s/x", numbers: [number]) == [])
        #expect(table.receivers(of: "s/x", by: ["s/+"]) == ["next"])
        _ = table.join("again", "s/x", quality: 1)
        #expect(table.receivers(of: "s/x", by: ["s/x"]) == ["again"])
    }

    // MARK: Without numbers

    private func unnumbered(isKept: Bool = false) -> Table {
        var table = Table(isKept: isKept)
        table.restore(isIdentified: false, hasSession: false)
        return table
    }

    @Test func whatAnotherFilterCoversIsNotAskedFor() {
        var table = unnumbered()
        let wide = table.join("wide", "s/#").member
        table.grant("s/#")
        #expect(table.join("narrow", "s/x").actions == [])
        #expect(table.join("other", "t").actions == [.subscribe(filter: table.number("t"))])
        #expect(table.receivers(of: "s/x") == ["wide", "narrow"])
        #expect(table.leave(wide) == [.subscribe(filter: table.number("s/x")), .unsubscribe(text: "s/#")])
        #expect(table.receivers(of: "s/x") == ["narrow"])
    }

    @Test func oneThatCoversOthersTakesTheirPlace() {
        var table = unnumbered()
        _ = table.join("narrow", "s/x", quality: 1)
        table.grant("s/x")
        #expect(table.join("wide", "s/#").actions == [.subscribe(filter: table.number("s/#"))])
        #expect(table.terms("s/#")?.quality == 1, "it has to do for the other as well")
        table.grant("s/#")
        #expect(table.takeActions() == [.unsubscribe(text: "s/x")])
        #expect(table.receivers(of: "s/x").map(Set.init) == ["narrow", "wide"])
    }

    /// The broker would collect for the kept session what is promised to nobody.
    @Test func aKeptSessionIsNotAskedForMoreThanItsReadersNeed() {
        var table = unnumbered(isKept: true)
        _ = table.join("wide", "s/#", quality: 0)
        table.grant("s/#")
        #expect(table.join("narrow", "s/x", quality: 1).actions == [.subscribe(filter: table.number("s/x"))])
        #expect(table.terms("s/#")?.quality == 0)
        #expect(table.join("also", "s/y", quality: 0).actions == [])
    }

    @Test func keptMessagesOfACoveredFilterComeByTheOneThatCoversIt() {
        var table = unnumbered()
        _ = table.join("wide", "s/#", wantsRetained: true)
        table.grant("s/#")
        #expect(table.receivers(of: "s/x", isRetained: true) == ["wide"])
        #expect(table.join("narrow", "s/x", wantsRetained: true).actions == [.subscribe(filter: table.number("s/#"))])
        #expect(table.receivers(of: "s/x", isRetained: true) == ["narrow"])
        #expect(table.receivers(of: "s/y", isRetained: true) == ["wide"], "it had not come before")
    }

    @Test func aNewLinkIsAskedForTheOutermostFilters() {
        var table = unnumbered(isKept: true)
        for filter in ["s/x", "s/+", "s/#", "t"] { _ = table.join(filter, filter, quality: 1) }
        table.restore(isIdentified: false, hasSession: true)
        #expect(
            table.takeActions() == [
                .subscribe(filter: table.number("s/#")), .subscribe(filter: table.number("t")),
                .unsubscribe(text: "s/x"), .unsubscribe(text: "s/+"),
            ],
            "the broker may know the others from before"
        )
        table.restore(isIdentified: true, hasSession: false)
        #expect(table.takeActions().count == 4)
    }

    @Test func aRefusedFilterLeavesThoseThatItCovered() {
        var table = unnumbered()
        for filter in ["s/x", "s/#"] { _ = table.join(filter, filter) }
        table.restore(isIdentified: false, hasSession: false)
        _ = table.takeActions()
        #expect(table.removeFilter(table.number("s/#")) == ["s/#"])
        #expect(table.takeActions() == [.subscribe(filter: table.number("s/x"))])
    }

    @Test func aWildcardCoversNothingThatBeginsWithADollar() {
        #expect(!TopicPattern(mqtt: "#").covers(TopicPattern(mqtt: "$SYS/#")))
        #expect(!TopicPattern(mqtt: "+/x").covers(TopicPattern(mqtt: "$SYS/x")))
        #expect(TopicPattern(mqtt: "$SYS/#").covers(TopicPattern(mqtt: "$SYS/x")))
        #expect(TopicPattern(mqtt: "a/#").covers(TopicPattern(mqtt: "a")))
        #expect(TopicPattern(mqtt: "a/#").covers(TopicPattern(mqtt: "a/+/#")))
        #expect(TopicPattern(mqtt: "a/+").covers(TopicPattern(mqtt: "a/b")))
        #expect(!TopicPattern(mqtt: "a/+").covers(TopicPattern(mqtt: "a/#")))
        #expect(!TopicPattern(mqtt: "a/b").covers(TopicPattern(mqtt: "a/+")))
        #expect(!TopicPattern(mqtt: "a/+").covers(TopicPattern(mqtt: "a")))
    }

    @Test(arguments: [
        ("a/b", "a/b", true), ("a/+", "a/b", true), ("a/#", "a", true), ("a/#", "a/b/c", true), ("+/b", "a/+", true),
        ("#", "x/y", true), ("a/b", "a/c", false), ("a/+", "a", false), ("a/+", "a/b/c", false), ("a", "b", false),
    ])
    func sharedAndOrdinaryFiltersThatOverlapAreInConflict(_ first: String, _ second: String, _ overlap: Bool) {
        var table = Table()
        _ = table.join("a", first)
        let key = TopicPattern(mqtt: second)
        #expect((table.conflict(with: "$share/g/\(second)", key: key, isShared: true) != nil) == overlap)
        #expect(table.conflict(with: second, key: key, isShared: false) == nil, "two ordinary ones are in no conflict")
    }

    /// Each message comes once for each group, and does not say for which.
    @Test func twoGroupsWhoseFiltersOverlapAreInConflict() {
        var table = Table()
        _ = table.join("a", "a/#", group: "g")
        let key = TopicPattern(mqtt: "a/b")
        #expect(table.conflict(with: "$share/h/a/b", key: key, isShared: true) != nil)
        #expect(table.conflict(with: "$share/g/a/#", key: TopicPattern(mqtt: "a/#"), isShared: true) == nil)
        #expect(table.conflict(with: "$share/h/b", key: "b", isShared: true) == nil)
    }

    @Test func filtersThatLookAlikeAreTwo() {
        var table = Table()
        let (composed, decomposed) = ("x/caf\u{E9}", "x/cafe\u{301}")
        _ = table.join("composed", composed)
        _ = table.join("decomposed", decomposed)
        #expect(table.all.count == 2)
        #expect(table.receivers(of: composed) == ["composed"])
        #expect(table.receivers(of: decomposed) == ["decomposed"])
    }

    @Test func aFirstWildcardMatchesNothingThatBeginsWithADollar() {
        var table = Table()
        _ = table.join("all", "#")
        _ = table.join("first", "+/x")
        _ = table.join("system", "$SYS/#")
        #expect(table.receivers(of: "$SYS/x") == ["system"])
        #expect(table.receivers(of: "a/x") == ["all", "first"])
    }
}

extension SubscriptionTable<String> {
    fileprivate mutating func join(
        _ receiver: String,
        _ filter: String,
        group: String? = nil,
        quality: CInt = 0,
        wantsRetained: Bool = false,
        noLocal: Bool = false,
        retainAsPublished: Bool = false
    ) -> (member: Int, actions: [Action]) {
        let member = add(
            receiver,
            filter: filter,
            group: group,
            quality: quality,
            wantsRetained: wantsRetained,
            noLocal: noLocal,
            retainAsPublished: retainAsPublished
        ).member
        let actions = takeActions()
        for case .subscribe(let id) in actions { _ = ask(id) }
        return (member, actions)
    }

    fileprivate mutating func leave(_ member: Int) -> [Action] {
        remove(member)
        return takeActions()
    }

    fileprivate mutating func grant(_ filter: String) {
        if let ask = ask(number(filter)) { granted(ask) }
    }

    fileprivate func number(_ filter: String) -> Int { id(of: filter) ?? 0 }

    fileprivate func terms(_ filter: String) -> SubscriptionTerms? { self[filter: number(filter)]?.asked }

    /// Who gets a message; `nil` if it is for nobody.
    fileprivate mutating func receivers(
        of topic: String,
        by filters: [String] = [],
        numbers: [Int] = [],
        isRetained: Bool = false
    ) -> [String]? {
        deliveries(of: topic, by: filters, numbers: numbers, isRetained: isRetained)?.map(\.receiver)
    }

    fileprivate mutating func outcome(of topic: String, by filters: [String]) -> ArrivalOutcome {
        let arrival = Arrival(topic: topic, body: [], identified: filters.map { number($0) })
        return forEachReceiver(of: arrival) {
            TopicName(mqtt: topic)
        } _: { _, _ in
        }
    }

    /// Who gets a message, and whether it is told to be a kept one; `nil` if it is for nobody.
    fileprivate mutating func deliveries(
        of topic: String,
        by filters: [String] = [],
        numbers: [Int] = [],
        isRetained: Bool
    ) -> [(receiver: String, isRetained: Bool)]? {
        var receivers: [(receiver: String, isRetained: Bool)] = []
        let arrival = Arrival(
            topic: topic,
            body: [],
            isRetained: isRetained,
            identified: filters.map { number($0) } + numbers
        )
        let outcome = forEachReceiver(of: arrival) {
            TopicName(mqtt: topic)
        } _: {
            receivers.append(($0, $1))
        }
        return outcome.isRead || outcome.isLeft ? receivers : nil
    }
}
