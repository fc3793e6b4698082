import Martlet
import MartletConsole

/// Which nodes are known, and how they are. A pure value; time is passed in.
struct NodeRoll: Sendable {
    /// The most nodes that are kept: names come from outside.
    static let capacity = 1_024

    /// A change that is worth a line.
    enum Change: Hashable {
        case up(String)
        case lost(String)
    }

    struct Entry: Sendable {
        let name: String
        var lastHeard: ContinuousClock.Instant
        /// How long from one heartbeat to the next; `nil` as long as only one was heard.
        var interval: Duration?
        var beats = 1
        var isLost = false

        /// How long the node may be silent.
        var patience: Duration { interval.map { max($0 * 3, .seconds(1)) } ?? .seconds(30) }
    }

    private var entries: [ByteKey: Entry] = [:]

    /// All of them, by name.
    var all: [Entry] { entries.values.sorted { $0.name.precedesNaturally($1.name) } }

    /// Takes in a heartbeat.
    mutating func heard(_ topic: TopicName, at now: ContinuousClock.Instant) -> Change? {
        // The node's name is what stands before the last part, as in arm.heartbeat.
        let name = TopicName(segments: topic.segments.dropLast()).text.printable()
        let key = ByteKey(name)
        guard var entry = entries[key] else {
            if entries.count >= Self.capacity { entries = entries.filter { !$0.value.isLost } }
            guard !name.isEmpty, entries.count < Self.capacity else { return nil }
            entries[key] = Entry(name: name, lastHeard: now)
            return .up(name)
        }
        let wasLost = entry.isLost
        // The silence of one that was lost says nothing about its interval.
        if !wasLost { entry.interval = now - entry.lastHeard }
        entry.lastHeard = now
        entry.beats += 1
        entry.isLost = false
        entries[key] = entry
        return wasLost ? .up(name) : nil
    }

    /// Finds those that have been silent for too long.
    mutating func lookForLosses(at now: ContinuousClock.Instant) -> [Change] {
        let lost = all.filter { !$0.isLost && now - $0.lastHeard > $0.patience }
        for entry in lost { entries[ByteKey(entry.name)]?.isLost = true }
        return lost.map { .lost($0.name) }
    }
}
