/// Whose turn it is among those who share a subscription. A pure value.
struct SharedTurns: Sendable {
    /// What is shared: a pattern, under the name of a group.
    struct Share: Sendable, Hashable {
        let group: ByteKey
        let pattern: TopicPattern

        init(_ group: String, _ pattern: TopicPattern) {
            // A filter of MQTT names the group as well.
            let shared = pattern.group == nil ? pattern : TopicPattern(segments: pattern.segments)
            (self.group, self.pattern) = (ByteKey(group), shared)
        }
    }

    private var turns: [Share: (members: Int, next: Int)] = [:]

    /// Somebody subscribes.
    mutating func join(_ share: Share) {
        turns[share, default: (0, 0)].members += 1
    }

    /// Somebody subscribes no longer.
    mutating func leave(_ share: Share) {
        guard let turn = turns[share] else { return }
        turns[share] = turn.members > 1 ? (turn.members - 1, turn.next) : nil
    }

    /// All subscribers but, of each share, only the one whose turn it is. Those that are absent have none while others are
    /// there.
    mutating func choose(among subscribers: [Subscriber], isPresent: (Subscriber) -> Bool) -> [Subscriber] {
        guard !turns.isEmpty, subscribers.contains(where: { $0.share != nil }) else { return subscribers }
        var chosen: [Subscriber] = []
        var members: [Share: [Subscriber]] = [:]
        var shares: [Share] = []
        for subscriber in subscribers {
            guard let share = subscriber.share else {
                chosen.append(subscriber)
                continue
            }
            if members[share] == nil { shares.append(share) }
            members[share, default: []].append(subscriber)
        }
        for share in shares {
            guard var members = members[share] else { continue }
            let present = members.filter(isPresent)
            if !present.isEmpty { members = present }
            let next = turns[share]?.next ?? 0
            chosen.append(members[next % members.count])
            turns[share]?.next = next &+ 1
        }
        return chosen
    }

    /// Members of a share, in the order in which they are to be tried: those that are there, beginning with the one whose turn it
    /// is, then those that are absent.
    mutating func order(
        _ members: [Subscriber],
        of share: Share,
        isPresent: (Subscriber) -> Bool
    ) -> [Subscriber] {
        let next = turns[share]?.next ?? 0
        turns[share]?.next = next &+ 1
        return [members.filter(isPresent), members.filter { !isPresent($0) }].flatMap { members in
            let first = members.isEmpty ? 0 : next % members.count
            return members[first...] + members[..<first]
        }
    }
}
