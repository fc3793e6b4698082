import DequeModule

/// Publishes that wait until their channel may have more of them unconfirmed, or is open again: a line for each channel,
/// so that none holds up another. A pure value.
///
/// For each that is to be confirmed a task waits that has its body in hand anyway, and those that were given up are swept
/// out: so there are no more of them than there are tasks that publish. The others are bounded by ``isFull``.
struct WaitingLines {
    private static let leastSweep = 1_024

    private var lines: [Outgoing.Origin: Deque<Outgoing>] = [:]
    /// Whose turn it is: each line has one place here.
    private var turns: Deque<Outgoing.Origin> = []
    /// How many wait, in all lines.
    private(set) var count = 0
    private var sweepsAt = Self.leastSweep
    /// How many of them nobody waits for, and what these keep.
    private var unheard = 0
    private var unheardBytes = 0

    /// Whether so many wait that nobody waits for that there are to be no more.
    var isFull: Bool { unheard >= 1_024 || unheardBytes >= 16 << 20 }

    var isEmpty: Bool { count == 0 }

    func isEmpty(_ origin: Outgoing.Origin) -> Bool { lines[origin] == nil }

    /// Puts one at the end of its line.
    mutating func append(_ outgoing: Outgoing) {
        add(to: outgoing.origin) { $0.append(outgoing) }
        counted(outgoing, 1)
        guard count >= sweepsAt else { return }
        _ = removeAll { $0.isAbandoned }
        sweepsAt = max(Self.leastSweep, 2 * count)
    }

    /// Puts some, in order, at the front of their line: they were sent before.
    mutating func prepend(_ again: [Outgoing]) {
        for outgoing in again.reversed() {
            add(to: outgoing.origin) { $0.prepend(outgoing) }
            counted(outgoing, 1)
        }
    }

    /// The next one of a line that may go on, each line in its turn; `nil` if none may.
    mutating func takeNext(where mayGoOn: (Outgoing.Origin) -> Bool) -> Outgoing? {
        for _ in 0..<turns.count {
            let origin = turns.removeFirst()
            guard mayGoOn(origin), let outgoing = lines[origin]?.popFirst() else {
                turns.append(origin)
                continue
            }
            counted(outgoing, -1)
            if lines[origin]?.isEmpty == true { lines[origin] = nil } else { turns.append(origin) }
            return outgoing
        }
        return nil
    }

    /// Takes out all that satisfy a condition.
    ///
    /// - Returns: what that were, in the order of their lines.
    mutating func removeAll(where condition: (Outgoing) -> Bool) -> [Outgoing] {
        var removed: [Outgoing] = []
        for origin in turns {
            lines[origin]?.removeAll { outgoing in
                let goes = condition(outgoing)
                if goes { removed.append(outgoing) }
                return goes
            }
            if lines[origin]?.isEmpty == true { lines[origin] = nil }
        }
        turns.removeAll { lines[$0] == nil }
        for outgoing in removed { counted(outgoing, -1) }
        return removed
    }

    private mutating func counted(_ outgoing: Outgoing, _ change: Int) {
        count += change
        guard outgoing.confirmation == nil else { return }
        unheard += change
        unheardBytes += change * outgoing.bytes
    }

    private mutating func add(to origin: Outgoing.Origin, _ body: (inout Deque<Outgoing>) -> Void) {
        if lines[origin] == nil { turns.append(origin) }
        body(&lines[origin, default: []])
    }
}
