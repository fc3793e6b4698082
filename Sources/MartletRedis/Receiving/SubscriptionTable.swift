import Martlet

/// What a session is subscribed to at the server, and who in this process gets what comes by it. A pure value.
///
/// The server knows one subscription a filter, so that several members share it. Redis' globs cross dots, so each
/// member's own pattern is matched here as well. A message that several filters match comes once for each of them,
/// and says by which: it goes to the members of that filter alone.
struct SubscriptionTable<Receiver: Sendable> {
    struct Member {
        let id: Int
        let pattern: TopicPattern
        let receiver: Receiver
    }

    struct Group {
        /// The topic, where it is one.
        let topic: TopicName?
        fileprivate(set) var members: [Member] = []
        /// Whether the server has agreed.
        fileprivate(set) var isConfirmed = false
    }

    /// What the server has to be told after a change.
    enum Change: Equatable {
        case none
        case subscribe(WireFilter)
        case unsubscribe(WireFilter)
    }

    private var groups: [WireFilter: Group] = [:] {
        didSet { version &+= 1 }
    }
    /// Another one after each change.
    private(set) var version = 0
    private var filterOfMember: [Int: WireFilter] = [:]
    private var lastMember = 0

    var isEmpty: Bool { groups.isEmpty }
    var filters: [WireFilter] { groups.keys.sorted { $0.text < $1.text } }

    subscript(filter: WireFilter) -> Group? { groups[filter] }

    /// Adds a member.
    ///
    /// - Returns: its number, and what to tell the server: that comes to nothing if it has agreed already.
    mutating func add(_ receiver: Receiver, for pattern: TopicPattern) -> (member: Int, change: Change) {
        lastMember += 1
        let filter = WireFilter(pattern)
        filterOfMember[lastMember] = filter
        let member = Member(id: lastMember, pattern: pattern, receiver: receiver)
        if groups[filter] == nil {
            groups[filter] = Group(topic: pattern.onlyTopic)
        }
        groups[filter]?.members.append(member)
        // One who comes while the answer is out asks again, and so knows when it has come.
        return (lastMember, groups[filter]?.isConfirmed == true ? .none : .subscribe(filter))
    }

    /// Removes a member; does nothing if it is gone.
    mutating func remove(_ member: Int) -> Change {
        guard let filter = filterOfMember.removeValue(forKey: member) else { return .none }
        groups[filter]?.members.removeAll { $0.id == member }
        guard groups[filter]?.members.isEmpty == true else { return .none }
        groups[filter] = nil
        return .unsubscribe(filter)
    }

    /// The server has agreed to a filter, or agrees no longer.
    mutating func confirmed(_ filter: WireFilter, _ isConfirmed: Bool = true) {
        groups[filter]?.isConfirmed = isConfirmed
    }

    /// The server has forgotten everything.
    mutating func linkLost() {
        for filter in groups.keys { groups[filter]?.isConfirmed = false }
    }

    /// Removes everyone.
    mutating func removeAll() -> [Receiver] {
        defer {
            groups.removeAll()
            filterOfMember.removeAll()
        }
        return groups.values.flatMap { $0.members.map(\.receiver) }
    }

    /// Removes everyone of a filter.
    mutating func removeAll(of filter: WireFilter) -> [Receiver] {
        guard let group = groups.removeValue(forKey: filter) else { return [] }
        for member in group.members { filterOfMember[member.id] = nil }
        return group.members.map(\.receiver)
    }
}
