/// Finds routes that would feed each other. A pure value.
enum RouteLoops {
    /// The routes, by their place in the list, that are part of a circle: what one writes another reads, and so on until
    /// the first reads it again.
    ///
    /// - Parameter sidesAreOne: whether both ends are the same connection.
    static func members(of plans: [RoutePlan], sidesAreOne: Bool) -> Set<Int> {
        let next = plans.indices.map { from in
            plans.indices.filter { to in feeds(plans[from], plans[to], sidesAreOne: sidesAreOne) }
        }
        var members: Set<Int> = []
        for start in plans.indices where reaches(start, from: start, next) { members.insert(start) }
        return members
    }

    private static func feeds(_ from: RoutePlan, _ to: RoutePlan, sidesAreOne: Bool) -> Bool {
        from.writes.contains { write in
            to.reads.contains { read in
                (sidesAreOne || write.side == read.side) && write.isQueue == read.isQueue
                    && write.shape.overlaps(read.shape)
            }
        }
    }

    private static func reaches(_ end: Int, from start: Int, _ next: [[Int]]) -> Bool {
        var seen: Set<Int> = []
        var pending = next[start]
        while let position = pending.popLast() {
            if position == end { return true }
            if seen.insert(position).inserted { pending += next[position] }
        }
        return false
    }
}
