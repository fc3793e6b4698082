import DequeModule

/// Requests for keys that a cluster keeps elsewhere than was thought, as long as earlier ones are still under way to where
/// they were sought: those come back, and nobody is to get ahead of them. A pure value but for the sockets that it looks at.
///
/// When all that was under way by then has been answered, what waits goes the new way, in the order in which it was given.
struct Crossings {
    private struct Crossing {
        /// The sockets by which earlier ones went, and how many replies to what they carry will have come by then.
        var ways: [(pending: PendingCommands, end: Int)] = []
        var waiting: [Request] = []

        var isOver: Bool { ways.allSatisfy { $0.pending.ended >= $0.end } }
    }

    /// By slot.
    private var all: [Int: Crossing] = [:]
    /// How many requests wait, and how many bytes they have.
    private(set) var (count, bytes) = (0, 0)

    var isEmpty: Bool { all.isEmpty }

    /// A slot's commands have gone by a socket so far, and go by another one from now on.
    mutating func begin(_ slot: Int, from pending: PendingCommands) {
        guard pending.count > 0 else { return }
        all[slot, default: Crossing()].ways.append((pending, pending.ended + pending.count))
    }

    /// Has a request wait if earlier ones for its keys may be on another way.
    ///
    /// - Returns: whether it waits.
    mutating func hold(_ request: Request) -> Bool {
        guard !all.isEmpty, let slot = request.slot, all[slot] != nil else { return false }
        all[slot]?.waiting.append(request)
        count += 1
        bytes += request.bytes.count
        return true
    }

    /// What need not wait any more, in order.
    mutating func takeFree() -> [Request] {
        var free: [Request] = []
        for (slot, crossing) in all where crossing.isOver {
            all[slot] = nil
            free += crossing.waiting
        }
        count -= free.count
        bytes -= free.reduce(0) { $0 + $1.bytes.count }
        return free.sorted { $0.number < $1.number }
    }

    /// The link is gone.
    ///
    /// - Returns: what waited.
    mutating func removeAll() -> [Request] {
        defer {
            all.removeAll()
            (count, bytes) = (0, 0)
        }
        return all.values.flatMap(\.waiting)
    }
}

extension Deque<Request> {
    /// Puts a request at its place among those that were given.
    mutating func insertInOrder(_ request: Request) {
        let place = lastIndex { $0.number <= request.number }.map { $0 + 1 } ?? 0
        insert(request, at: place)
    }
}
