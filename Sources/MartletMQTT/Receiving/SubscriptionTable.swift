import Martlet

/// What a session is subscribed to at its broker, and who in this process gets what comes by it. A pure value.
///
/// The broker knows one subscription a filter, so that several members share it. MQTT 5 tells with each message by
/// which subscription it came. MQTT 3.1.1 does not, and sends a message that several filters match once; there the
/// filters are matched here.
struct SubscriptionTable<Receiver: Sendable> {
    struct Member {
        let id: Int
        let receiver: Receiver
        let quality: CInt
        /// Whether it wants the messages that the broker has kept, and none that this process published.
        let wantsRetained: Bool
        let noLocal: Bool
        /// Whether it wants to know of every message whether the broker keeps it.
        let retainAsPublished: Bool
    }

    struct Filter {
        /// The identifier that the broker sends back with each message.
        let id: Int
        /// As it is on the wire, with the group of a shared one.
        let text: String
        let key: TopicPattern
        let isShared: Bool
        /// Never empty.
        fileprivate(set) var members: [Member] = []
        /// Whether the broker has agreed to it.
        fileprivate(set) var isGranted = false
        /// Who gets kept messages: those for whom the broker was asked last.
        fileprivate(set) var newcomers: Set<Int> = []
        /// Of a shared one: how many messages have been given out.
        fileprivate var turn = 0

        var quality: CInt { members.map(\.quality).max() ?? 0 }
        var noLocal: Bool { members.allSatisfy(\.noLocal) }
        var retainAsPublished: Bool { members.contains(where: \.retainAsPublished) }
    }

    /// What a subscription at the broker has to be told after a change.
    enum Change: Equatable {
        case none
        case subscribe(filter: Int)
        case unsubscribe(text: String)
    }

    private var filters: [Int: Filter] = [:]
    private var filterIDs: [ByteKey: Int] = [:]
    private var filterOfMember: [Int: Int] = [:]
    private var index = FilterIndex<Int>()
    private var lastID = 0
    private var lastMember = 0
    /// The filter for which the broker was asked last.
    private var latest = 0

    var isEmpty: Bool { filters.isEmpty }

    /// All filters, in the order in which they were first subscribed to.
    var all: [Filter] { filters.values.sorted { $0.id < $1.id } }

    subscript(filter id: Int) -> Filter? { filters[id] }

    /// Another filter that may match the same topics, where one of the two is shared; `nil` if there is none.
    func conflict(with text: String, key: TopicPattern, isShared: Bool) -> Filter? {
        filters.values.first { other in
            (other.isShared || isShared) && !other.text.hasSameBytes(as: text) && other.key.overlaps(key)
        }
    }

    /// Adds a member.
    ///
    /// - Parameter group: of a shared subscription.
    /// - Returns: the member's number, and what to tell the broker.
    mutating func add(
        _ receiver: Receiver,
        filter text: String,
        group: String? = nil,
        quality: CInt,
        wantsRetained: Bool,
        noLocal: Bool = false,
        retainAsPublished: Bool = false
    ) -> (member: Int, change: Change) {
        lastMember += 1
        let wire = group.map { "$share/\($0)/\(text)" } ?? text
        let id: Int
        if let existing = filterIDs[ByteKey(wire)] {
            id = existing
        } else {
            lastID += 1
            id = lastID
            let key = TopicPattern(mqtt: text)
            filters[id] = Filter(id: id, text: wire, key: key, isShared: group != nil)
            filterIDs[ByteKey(wire)] = id
            index.insert(id, id: id, for: key)
        }
        let before = filters[id]
        filters[id]?.members.append(
            Member(
                id: lastMember,
                receiver: receiver,
                quality: quality,
                wantsRetained: wantsRetained,
                noLocal: noLocal,
                retainAsPublished: retainAsPublished
            )
        )
        filterOfMember[lastMember] = id
        let isCovered =
            before.map { filter in
                filter.isGranted && filter.quality >= quality && filter.noLocal == noLocal
                    && (filter.retainAsPublished || !retainAsPublished)
            } ?? false
        if isCovered, !wantsRetained || group != nil { return (lastMember, .none) }
        asked(for: id, newcomers: wantsRetained ? [lastMember] : [])
        return (lastMember, .subscribe(filter: id))
    }

    /// The broker has agreed to a filter.
    mutating func granted(_ id: Int) {
        filters[id]?.isGranted = true
    }

    /// Removes a filter that the broker refuses.
    ///
    /// - Returns: who was waiting for what comes by it.
    mutating func removeFilter(_ id: Int) -> [Receiver] {
        guard let filter = filters[id] else { return [] }
        for member in filter.members { _ = remove(member.id) }
        return filter.members.map(\.receiver)
    }

    /// Removes a member; does nothing if it is gone.
    mutating func remove(_ member: Int) -> Change {
        guard let id = filterOfMember.removeValue(forKey: member), let filter = filters[id] else { return .none }
        filters[id]?.members.removeAll { $0.id == member }
        filters[id]?.newcomers.remove(member)
        guard filters[id]?.members.isEmpty == true else { return .none }
        filters[id] = nil
        filterIDs[ByteKey(filter.text)] = nil
        index.remove(id: id, for: filter.key)
        return .unsubscribe(text: filter.text)
    }

    /// The broker is asked for every filter anew: kept messages come again, to everyone who wants them.
    mutating func restored() {
        for (id, filter) in filters {
            filters[id]?.newcomers = Set(filter.members.lazy.filter(\.wantsRetained).map(\.id))
        }
    }

    private mutating func asked(for id: Int, newcomers: Set<Int>) {
        filters[id]?.newcomers = newcomers
        latest = id
    }

    /// Calls `body` with everyone who gets a message.
    ///
    /// - Parameters:
    ///   - identified: the filters by which it came, as far as the broker tells.
    ///   - key: its topic; `nil` if it has no name, and so nobody's filter matches it.
    ///   - isRetained: whether it is one that the broker had kept, or keeps from now on, where a member asked for that.
    ///   - body: is told whether the member is to be told that it is kept.
    /// - Returns: whether there was anyone, or there would be if it were not a kept one.
    mutating func forEachReceiver(
        of key: @autoclosure () -> TopicName?,
        identified: [Int],
        isRetained: Bool,
        _ body: (Receiver, _ isRetained: Bool) -> Void
    ) -> Bool {
        if !identified.isEmpty {
            var isKnown = false
            for id in identified {
                guard let filter = filters[id] else { continue }
                isKnown = true
                deliver(to: filter, isRetained: isRetained, body)
            }
            return isKnown
        }
        var matching: [Int] = []
        guard let key = key() else { return false }
        index.forEachMatch(of: key) { matching.append($0) }
        // A kept message comes for the filter that was asked for last; others have had it.
        if isRetained, matching.contains(latest) { matching = [latest] }
        for id in matching {
            if let filter = filters[id] { deliver(to: filter, isRetained: isRetained, body) }
        }
        return !matching.isEmpty
    }

    private mutating func deliver(to filter: Filter, isRetained: Bool, _ body: (Receiver, Bool) -> Void) {
        guard !filter.isShared else {
            // Each message is for one of them.
            body(filter.members[filter.turn % filter.members.count].receiver, isRetained)
            filters[filter.id]?.turn += 1
            return
        }
        for member in filter.members {
            let isNew = filter.newcomers.contains(member.id)
            // Where new ones say that they are kept they can't be told from old ones: better one twice than one lost.
            guard !isRetained || isNew || filter.retainAsPublished else { continue }
            body(member.receiver, isRetained && (isNew || member.retainAsPublished))
        }
    }
}
