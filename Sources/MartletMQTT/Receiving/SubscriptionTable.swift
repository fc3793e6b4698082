import Martlet

/// What a session is subscribed to at its broker, and who in this process gets what comes by it. A pure value.
///
/// The broker knows one subscription a filter, so that several members share it. MQTT 5 tells with each message by which
/// subscription it came. Without that (MQTT 3.1.1, and brokers of MQTT 5 that have no identifiers) the filters are matched
/// here; and a filter that another one covers is not asked for, since some brokers send a message once for each.
///
/// What the broker is to be told after a change is noted as ``Action``s, in order.
struct SubscriptionTable<Receiver: Sendable> {
    /// What the broker is to be told.
    enum Action: Equatable {
        case subscribe(filter: Int)
        case unsubscribe(text: String)
    }

    typealias Filter = SubscribedFilter<Receiver>

    /// Whether the broker keeps the subscriptions beyond the process.
    let isKept: Bool
    /// Whether the broker tells by which subscription a message came.
    private(set) var isIdentified = true
    private var filters: [Int: Filter] = [:]
    private var filterIDs: [ByteKey: Int] = [:]
    private var filterOfMember: [Int: Int] = [:]
    private var index = FilterIndex<Int>()
    /// Of the filters that can cover others.
    private var wide: Set<Int> = []
    private var shared: Set<Int> = []
    private var lastMember = 0
    private var lastOrder = 0
    private var lastAsk = 0
    /// The members that wait for kept messages.
    private var waiting: Set<Int> = []
    /// The earliest time at which one of them may have got all; `nil`: the broker has answered to none of them.
    private var waited: Duration?
    /// What the broker may yet send of what it keeps, by the filter that it was asked for; under 0 by any filter, where it does
    /// not tell by which.
    private var replays: [Int: RetainedReplay] = [:]
    /// Filters that the broker was told to end, and may know still; and how often it was told.
    private var ending: [ByteKey: (key: TopicPattern, count: Int)] = [:]
    private var departed = DepartedFilters()
    private var copies = CopyDetector()
    private var actions: [Action] = []

    init(isKept: Bool = false) {
        self.isKept = isKept
    }

    var isEmpty: Bool { filters.isEmpty }

    /// All filters, in the order in which they were first subscribed to.
    var all: [Filter] { filters.values.sorted { $0.order < $1.order } }

    subscript(filter id: Int) -> Filter? { filters[id] }

    /// The identifier of a filter as it is on the wire.
    func id(of text: String) -> Int? { filterIDs[ByteKey(text)] }

    /// Whether anybody reads here what comes by a filter, other than those who leave.
    func hasReaders(besides leaving: (Int) -> Bool, where isReader: (Receiver) -> Bool) -> Bool {
        filters.values.contains { $0.members.contains { !leaving($0.id) && isReader($0.receiver) } }
    }

    /// Whether the broker keeps a filter that nobody reads here.
    var keepsUnread: Bool { isKept && filters.values.contains { $0.members.isEmpty } }

    /// Another filter that may match the same topics, where one of the two is shared; `nil` if there is none.
    func conflict(with text: String, key: TopicPattern, isShared: Bool) -> Filter? {
        func isConflict(_ other: Filter) -> Bool { !other.text.hasSameBytes(as: text) && other.key.overlaps(key) }
        guard !isShared else { return filters.values.first(where: isConflict) }
        // Few are shared, while there may be thousands of others.
        return shared.lazy.compactMap { filters[$0] }.first(where: isConflict)
    }

    // MARK: What the broker is told

    /// Those that want the messages which the broker has kept, and for whom it was not asked before.
    enum RetainedDemand {
        case nobody
        /// All have a guarantee, so that a kept session holds for them what is published while there is no link.
        case guaranteed
        case somebody
    }

    /// Who wants kept messages that come by a filter.
    func retainedDemand(_ id: Int) -> RetainedDemand {
        guard let filter = filters[id] else { return .nobody }
        var newcomers = filter.members.filter(\.retained.isWanted)
        if !isIdentified, wide.contains(id) {
            for other in covered(by: filter) where filters[other]?.asked == nil {
                newcomers += filters[other]?.members.filter(\.retained.isWanted) ?? []
            }
        }
        return newcomers.isEmpty ? .nobody : newcomers.contains { $0.quality == 0 } ? .somebody : .guaranteed
    }

    /// Takes out what the broker is to be told.
    mutating func takeActions() -> [Action] {
        defer { actions = [] }
        return actions
    }

    /// Adds a member.
    ///
    /// - Parameter group: of a shared subscription.
    /// - Returns: the member's number, and the filter whose grant it has to wait for, if any.
    mutating func add(
        _ receiver: Receiver,
        filter topic: String,
        group: String? = nil,
        quality: CInt,
        wantsRetained: Bool,
        noLocal: Bool = false,
        retainAsPublished: Bool = false,
        at now: Duration = .zero
    ) -> (member: Int, asks: Int?) {
        lastMember += 1
        let id = filterID(of: topic, group: group)
        var member = Filter.Member(
            id: lastMember,
            receiver: receiver,
            quality: quality,
            wantsRetained: wantsRetained && group == nil,
            noLocal: noLocal,
            retainAsPublished: retainAsPublished
        )
        if member.wantsRetained {
            member.retained.begin(now)
            waiting.insert(lastMember)
        }
        filters[id]?.add(member)
        filterOfMember[lastMember] = id
        let server = provider(of: id)
        if !member.wantsRetained, let granted = filters[server]?.granted, granted.meets(terms(of: server)) {
            return (lastMember, nil)
        }
        ask(for: server)
        return (lastMember, server)
    }

    private mutating func filterID(of topic: String, group: String?) -> Int {
        let wire = group.map { "$share/\($0)/\(topic)" } ?? topic
        if let id = filterIDs[ByteKey(wire)] { return id }
        var id = SubscriptionIdentifier.preferred(for: wire)
        while filters[id] != nil { id = id % SubscriptionIdentifier.maximum + 1 }
        let key = TopicPattern(mqtt: topic)
        lastOrder += 1
        filters[id] = Filter(
            id: id,
            text: wire,
            topic: topic,
            key: key,
            isShared: group != nil,
            order: lastOrder
        )
        filterIDs[ByteKey(wire)] = id
        index.insert(id, id: lastOrder, for: key)
        if group == nil, key.hasWildcards { wide.insert(id) }
        if group != nil { shared.insert(id) }
        departed.remove(wire)
        return id
    }

    /// What the broker was asked by one SUBSCRIBE.
    struct Ask {
        let filter: Int
        /// Later ones have greater ones.
        let number: Int
        let terms: SubscriptionTerms
    }

    /// The broker is being asked for a filter.
    ///
    /// - Parameter replays: whether it may send what it keeps.
    /// - Returns: what is told with its answer; `nil` if it need not be asked any more.
    mutating func ask(_ id: Int, replays: Bool = true) -> Ask? {
        guard let terms = filters[id]?.asked else { return nil }
        lastAsk += 1
        let ask = Ask(filter: id, number: lastAsk, terms: terms)
        for other in served(by: id) { filters[other]?.forEachIntake { $0.asked(ask.number) } }
        if replays { self.replays[isIdentified ? id : 0, default: RetainedReplay()].asked(ask.number) }
        return ask
    }

    /// Whether what was asked still holds: the broker was not told to end the filter since.
    func holds(_ ask: Ask) -> Bool { filters[ask.filter]?.holds(ask.number) ?? false }

    /// Whether the broker has not agreed to a filter on this link, as it had on an earlier one.
    func isOwed(_ id: Int) -> Bool { filters[id]?.isOwed ?? false }

    /// The broker has not agreed to a filter. If it is asked again, then for what it keeps as well.
    mutating func refused(_ ask: Ask, at now: Duration = .zero) {
        for other in served(by: ask.filter) { filters[other]?.forEachIntake { $0.refused(ask.number) } }
        endReplay(ask, now)
    }

    private mutating func endReplay(_ ask: Ask, _ now: Duration) {
        replays[isIdentified ? ask.filter : 0]?.answered(ask.number, now)
        if waited == nil { waited = now + RetainedIntake.patience }
    }

    /// The broker has agreed to a filter.
    ///
    /// - Parameter quality: what it gives; `nil`: what it was asked for.
    mutating func granted(_ ask: Ask, quality: CInt? = nil, at now: Duration = .zero) {
        let id = ask.filter
        for other in served(by: id) { filters[other]?.forEachIntake { $0.answered(ask.number, now) } }
        endReplay(ask, now)
        guard holds(ask), let filter = filters[id] else { return }
        let asked = ask.terms
        var granted = asked
        granted.quality = min(asked.quality, quality ?? asked.quality)
        filters[id]?.grant(granted)
        copies.changed()
        guard !isIdentified, wide.contains(id) else { return }
        let needless = covered(by: filter).filter { other in
            filters[other].map { $0.asked != nil && canProvide(filters[id] ?? filter, $0) } ?? false
        }
        guard !needless.isEmpty else { return }
        // One that needs more may have come since the broker was asked.
        guard asked.quality >= terms(of: id).quality else { return self.ask(for: id) }
        for other in needless { stopAsking(for: other) }
    }

    /// The filters whose messages come by one.
    private func served(by id: Int) -> [Int] {
        guard !isIdentified, wide.contains(id), let filter = filters[id] else { return [id] }
        return [id] + covered(by: filter).filter { filters[$0]?.asked == nil }
    }

    /// Asks once more for what a filter's members get, on behalf of one who came while the broker had yet to answer.
    ///
    /// - Returns: the filter whose grant that one has to wait for; `nil` if there is nothing to ask for any more.
    mutating func askAgain(_ id: Int) -> Int? {
        guard filters[id] != nil else { return nil }
        let server = provider(of: id)
        ask(for: server)
        return server
    }

    /// Removes a filter that the broker refuses.
    ///
    /// - Returns: those who were waiting for what comes by it.
    mutating func removeFilter(_ id: Int) -> [Receiver] {
        guard let filter = filters[id] else { return [] }
        for member in filter.members { forget(member.id) }
        drop(filter, tells: false)
        return filter.members.map(\.receiver)
    }

    /// Removes a member; does nothing if it is gone.
    ///
    /// - Parameter keeps: whether the broker is to go on keeping the filter, although nobody reads it here any more.
    /// - Returns: the filter that the broker is to keep no longer, if that is so.
    @discardableResult
    mutating func remove(_ member: Int, keeps: Bool = false) -> String? {
        guard let id = filterOfMember[member] else { return nil }
        forget(member)
        filters[id]?.remove(member, keeps: keeps)
        guard let filter = filters[id], filter.members.isEmpty, !keeps else { return nil }
        drop(filter, tells: true)
        return filter.text
    }

    /// Ends a filter that the broker keeps although nobody reads it here.
    ///
    /// - Returns: whether there is one that nobody reads.
    mutating func removeUnread(_ text: String) -> Bool {
        guard let id = id(of: text), let filter = filters[id], filter.members.isEmpty else { return false }
        drop(filter, tells: true)
        return true
    }

    private mutating func forget(_ member: Int) {
        filterOfMember[member] = nil
        waiting.remove(member)
    }

    private mutating func drop(_ filter: Filter, tells: Bool) {
        filters[filter.id] = nil
        filterIDs[ByteKey(filter.text)] = nil
        index.remove(id: filter.order, for: filter.key)
        wide.remove(filter.id)
        shared.remove(filter.id)
        if tells { departed.add(filter.text, filter.id, filter.key) }
        if filter.asked != nil, !isIdentified, !filter.isShared { askForUncovered(by: filter) }
        // A broker that keeps sessions may know also one that it was not asked for on this link.
        if tells, filter.asked != nil || isKept { end(filter.text, filter.key) }
    }

    // MARK: Which filters the broker is asked for

    private mutating func ask(for id: Int) {
        let terms = terms(of: id)
        filters[id]?.ask(terms, number: lastAsk + 1)
        actions.append(.subscribe(filter: id))
        copies.changed()
    }

    private mutating func stopAsking(for id: Int) {
        guard let filter = filters[id] else { return }
        filters[id]?.stopAsking()
        end(filter.text, filter.key)
    }

    private mutating func end(_ text: String, _ key: TopicPattern) {
        actions.append(.unsubscribe(text: text))
        if !isIdentified, !text.hasPrefix("$share/") { ending[ByteKey(text), default: (key, 0)].count += 1 }
        copies.changed()
    }

    /// The broker has ended a filter.
    mutating func ended(_ text: String) {
        let text = ByteKey(text)
        guard ending[text] != nil else { return }
        ending[text]?.count -= 1
        if ending[text]?.count == 0 { ending[text] = nil }
        copies.changed()
    }

    /// The filter by which the messages of one come.
    private func provider(of id: Int) -> Int {
        guard !isIdentified, let filter = filters[id], !filter.isShared, filter.asked == nil else { return id }
        return covering(filter).first { other in
            filters[other].map { $0.granted != nil && canProvide($0, filter) } ?? false
        } ?? id
    }

    /// Whether one filter, which covers the other, can stand for it.
    ///
    /// For a kept session it is not asked for more than its own members need: the broker would collect all of that while the
    /// program does not run.
    private func canProvide(_ wide: Filter, _ other: Filter) -> Bool {
        let needed = other.needed
        return isKept ? (wide.granted ?? wide.needed).meets(needed) : !wide.needed.noLocal || needed.noLocal
    }

    /// What the broker is to be asked for with a filter.
    private func terms(of id: Int) -> SubscriptionTerms {
        guard let filter = filters[id] else { return SubscriptionTerms() }
        var terms = filter.needed
        // Without a number whose it is would not be known.
        if !isIdentified { terms.retainAsPublished = false }
        guard !isIdentified, !isKept, wide.contains(id) else { return terms }
        for other in covered(by: filter) {
            guard let other = filters[other], canProvide(filter, other) else { continue }
            terms.quality = max(terms.quality, other.needed.quality)
        }
        return terms
    }

    /// Those that cover a filter, and are another.
    private func covering(_ filter: Filter) -> [Int] {
        guard !filter.key.hasWildcards, let topic = filter.key.onlyTopic else {
            return wide.filter { $0 != filter.id && (filters[$0]?.key.covers(filter.key) ?? false) }.sorted()
        }
        var covering: [Int] = []
        index.forEachMatch(of: topic) { if wide.contains($0) { covering.append($0) } }
        return covering.sorted()
    }

    /// Those that a filter covers, and are another.
    private func covered(by filter: Filter) -> [Int] {
        guard filter.key.hasWildcards else { return [] }
        return filters.values.filter { $0.id != filter.id && !$0.isShared && filter.key.covers($0.key) }
            .sorted { $0.order < $1.order }.map(\.id)
    }

    /// One is going by which the messages of others came.
    private mutating func askForUncovered(by filter: Filter) {
        let uncovered = covered(by: filter).compactMap { filters[$0] }.filter { $0.asked == nil }
            .filter { provider(of: $0.id) == $0.id }
        for id in uncovered.map(\.id) where isOutermost(id, among: uncovered) { ask(for: id) }
    }

    private func isOutermost(_ id: Int, among others: [Filter]) -> Bool {
        guard let filter = filters[id] else { return false }
        return !others.contains { $0.id != id && $0.key.covers(filter.key) && canProvide($0, filter) }
    }

    /// There is a new link, on which the broker is asked for every filter anew.
    ///
    /// - Parameters:
    ///   - isIdentified: whether the broker tells by which subscription a message came.
    ///   - hasSession: whether it may know filters from before.
    ///   - owed: filters that it is to end first.
    mutating func restore(isIdentified: Bool, hasSession: Bool, owed: [String] = [], at now: Duration = .zero) {
        self.isIdentified = isIdentified
        (actions, ending, copies) = ([], [:], CopyDetector())
        for text in owed { end(text, TopicPattern(mqtt: text)) }
        (waiting, waited, replays) = ([], nil, [:])
        // Of what was left before nothing comes any more.
        if !isKept { departed = DepartedFilters() }
        for id in filters.keys { waiting.formUnion(filters[id]?.restore(at: now) ?? []) }
        let all = all
        var inner: [Filter] = []
        for filter in all {
            if isIdentified || filter.isShared
                || isOutermost(filter.id, among: covering(filter).compactMap { filters[$0] })
            {
                ask(for: filter.id)
            } else {
                inner.append(filter)
            }
        }
        // After those that cover them have been asked for.
        if hasSession { for filter in inner { end(filter.text, filter.key) } }
    }

    // MARK: What comes

    /// Calls `body` with everyone who gets a message. Nothing is copied for it: there may be thousands of them.
    ///
    /// - Parameters:
    ///   - name: its topic, where the broker does not tell the subscription; `nil` if it has no name.
    ///   - body: is told whether the member is to be told that it is kept.
    mutating func forEachReceiver(
        of message: Arrival,
        name: () -> TopicName?,
        _ body: (Receiver, _ isRetained: Bool) -> Void
    ) -> ArrivalOutcome {
        var outcome = ArrivalOutcome()
        var isKnown = false
        for id in message.identified {
            // A session that is kept may have numbers of another process. Otherwise the broker says what it was told, also where
            // it has changed the topic.
            let (isCertain, isReplay) = (!isKept, isReplay(message, by: id))
            if filters[id]?.deliverIfMeant(message, isCertain: isCertain, isReplay: isReplay, &outcome, body) == true {
                isKnown = true
            } else if isKept ? departed.matches(message.topic, id: id, name()) : departed.contains(id) {
                isKnown = true
                outcome.isLeft = true
            } else {
                outcome.isForOthers = true
            }
        }
        if isKnown { return outcome }
        guard let name = name() else { return outcome }
        var matching: [Int] = []
        index.forEachMatch(of: name) { matching.append($0) }
        if isCopy(message, matching, name) { return ArrivalOutcome(isRead: true) }
        let isReplay = !isIdentified && isReplay(message, by: 0)
        for id in matching {
            let isReplay = isReplay || isIdentified && self.isReplay(message, by: id)
            filters[id]?.deliver(message, isReplay: isReplay, &outcome, body)
        }
        if matching.isEmpty, message.identified.isEmpty, departed.matches(name) { outcome.isLeft = true }
        return outcome
    }

    /// Whether a message that is marked as kept may have been sent since the broker was asked for that.
    private mutating func isReplay(_ message: Arrival, by id: Int) -> Bool {
        guard message.isRetained else { return false }
        return replays[id]?.explains(ByteKey(message.topic).hashValue, message.time) ?? false
    }

    private mutating func isCopy(_ message: Arrival, _ matching: [Int], _ name: TopicName) -> Bool {
        guard !isIdentified, !message.isRetained else { return false }
        let asked = matching.compactMap { filters[$0] }.filter { $0.asked != nil && !$0.isShared }
        let others = ending.count { text, filter in
            filter.key.matches(name) && !asked.contains { ByteKey($0.text) == text }
        }
        let isCertain = ending.isEmpty && asked.allSatisfy { $0.granted == $0.asked && $0.asked == asked.first?.asked }
        return copies.isCopy(message.topic, message.body, of: asked.count + others, isCertain: isCertain)
    }

    /// Whether the broker is to be asked for something whose answer tells that the latest message has no more copies.
    mutating func takeQuestion() -> Int? { isIdentified ? nil : copies.takeQuestion() }

    /// The broker has answered that.
    mutating func answered(question: Int) { copies.answered(question) }

    /// Something else has come of the broker.
    mutating func interrupted() { copies.interrupted() }

    /// The socket has nothing more at the moment.
    mutating func readDry(at now: Duration) {
        // It is asked after each reading, and thousands may wait, many of them by one filter.
        guard let time = waited, now >= time else { return }
        waited = nil
        let open = Set(waiting.compactMap { filterOfMember[$0] })
        waiting = []
        for id in open {
            for (member, time) in filters[id]?.readDry(at: now) ?? [] {
                waiting.insert(member)
                if let time { waited = min(time, waited ?? time) }
            }
        }
        for (id, replay) in replays {
            guard let time = replay.ends else { continue }
            if time <= now { replays[id] = nil } else { waited = min(time, waited ?? time) }
        }
    }
}
