import Martlet

/// One filter of a ``SubscriptionTable``: who reads here what comes by it, what the broker was asked for with it, and what the
/// broker has agreed to. A pure value.
struct SubscribedFilter<Receiver: Sendable> {
    struct Member {
        let id: Int
        let receiver: Receiver
        let quality: CInt
        /// Whether it wants the messages that the broker has kept.
        let wantsRetained: Bool
        /// Whether it wants none that this process published.
        let noLocal: Bool
        /// Whether it wants to know of every message whether the broker keeps it.
        let retainAsPublished: Bool
        var retained = RetainedIntake()
    }

    /// The identifier that the broker sends back with each message.
    let id: Int
    /// As it is on the wire, with the group of a shared one.
    let text: String
    /// Without the group.
    let topic: String
    let key: TopicPattern
    let isShared: Bool
    /// In which order filters were first subscribed to.
    let order: Int
    private(set) var members: [Member] = []
    /// The terms on which the broker goes on to keep it, although nobody reads here.
    private var kept: SubscriptionTerms?
    /// What the broker was asked for last; `nil`: nothing, as another filter covers this one.
    private(set) var asked: SubscriptionTerms?
    /// The number of the first SUBSCRIBE that counts: the broker was told to end what was asked before.
    private var since = 0
    /// What the broker has agreed to.
    private(set) var granted: SubscriptionTerms?
    /// Whether it has ever, be it on an earlier link.
    private var wasGranted = false
    /// Of a shared one: how many messages have been given out.
    private var turn = 0

    init(id: Int, text: String, topic: String, key: TopicPattern, isShared: Bool, order: Int) {
        self.id = id
        self.text = text
        self.topic = topic
        self.key = key
        self.isShared = isShared
        self.order = order
    }

    /// What its own members need.
    var needed: SubscriptionTerms {
        members.reduce(kept) { terms, member in
            let own = SubscriptionTerms(
                quality: member.quality,
                noLocal: member.noLocal,
                retainAsPublished: member.retainAsPublished
            )
            return terms.map { $0.combined(with: own) } ?? own
        } ?? SubscriptionTerms()
    }

    // MARK: Who reads

    mutating func add(_ member: Member) { members.append(member) }

    /// Removes a member.
    ///
    /// - Parameter keeps: whether the broker is to go on keeping the filter, if nobody reads it here any more.
    mutating func remove(_ member: Int, keeps: Bool) {
        let terms = keeps ? needed : nil
        members.removeAll { $0.id == member }
        if members.isEmpty, let terms { kept = terms }
    }

    /// Calls `body` with what each member still wants of what the broker keeps.
    mutating func forEachIntake(_ body: (inout RetainedIntake) -> Void) {
        for position in members.indices where members[position].retained.isOpen { body(&members[position].retained) }
    }

    // MARK: What the broker is told, and says

    /// The broker is to be asked for it.
    ///
    /// - Parameter number: that of the next SUBSCRIBE.
    mutating func ask(_ terms: SubscriptionTerms, number: Int) {
        if asked == nil { since = number }
        asked = terms
    }

    /// The broker is to end it, or there is a new link, on which it was not asked yet.
    mutating func stopAsking() {
        asked = nil
        granted = nil
    }

    /// Whether what was asked by a SUBSCRIBE still holds: the broker was not told to end it since.
    func holds(_ number: Int) -> Bool { asked != nil && number >= since }

    mutating func grant(_ terms: SubscriptionTerms) {
        granted = terms
        wasGranted = true
    }

    /// Whether the broker has not agreed to it on this link, as it had on an earlier one.
    var isOwed: Bool { wasGranted && granted == nil }

    /// There is a new link, whose broker sends what it keeps anew.
    ///
    /// - Returns: the members that wait for that.
    mutating func restore(at now: Duration) -> [Int] {
        stopAsking()
        for position in members.indices where members[position].wantsRetained {
            members[position].retained.begin(now)
        }
        return members.filter(\.wantsRetained).map(\.id)
    }

    // MARK: What comes

    /// The socket has nothing more at the moment.
    ///
    /// - Returns: the members that still wait for kept messages, and when they will have waited long enough.
    mutating func readDry(at now: Duration) -> [(member: Int, time: Duration?)] {
        var open: [(member: Int, time: Duration?)] = []
        for position in members.indices where members[position].retained.readDry(now) {
            open.append((members[position].id, members[position].retained.waited))
        }
        return open
    }

    /// Calls `body` with every member that gets a message, if it is meant by the number that came with it.
    ///
    /// - Parameter isCertain: whether nobody else can have used the number.
    /// - Returns: whether it is.
    mutating func deliverIfMeant(
        _ message: Arrival,
        isCertain: Bool,
        isReplay: Bool,
        _ outcome: inout ArrivalOutcome,
        _ body: (Receiver, _ isRetained: Bool) -> Void
    ) -> Bool {
        guard isCertain || WireFilter.matches(topic, message.topic) else { return false }
        deliver(message, isReplay: isReplay, &outcome, body)
        return true
    }

    /// Calls `body` with every member that gets a message.
    ///
    /// - Parameter isReplay: whether it may be what the broker keeps, sent since it was asked.
    mutating func deliver(
        _ message: Arrival,
        isReplay: Bool,
        _ outcome: inout ArrivalOutcome,
        _ body: (Receiver, _ isRetained: Bool) -> Void
    ) {
        guard !members.isEmpty else {
            outcome.isLeft = true
            return
        }
        outcome.isRead = true
        guard !isShared else {
            // Each message is for one of them.
            let receiver = members[turn % members.count].receiver
            turn += 1
            return body(receiver, message.isRetained)
        }
        lazy var hash = ByteKey(message.topic).hashValue
        for position in members.indices {
            guard message.isRetained else {
                // One without a guarantee may overtake what was kept, where that has one.
                if members[position].retained.isOpen, message.quality > 0 || asked?.quality == 0 {
                    members[position].retained.passed(hash)
                }
                body(members[position].receiver, false)
                continue
            }
            let takes = members[position].retained.takes(hash, message.time)
            // Where new ones say that they are kept they can't be told from old ones: better one twice than one lost.
            guard takes || !isReplay || asked?.retainAsPublished == true else { continue }
            body(members[position].receiver, takes || members[position].retainAsPublished)
        }
    }
}
