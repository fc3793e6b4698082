/// Subscriptions by topic pattern: a tree with one level a segment.
///
/// Matching walks down the tree, at each level into the child of the topic's segment and into that of `*`. The
/// work is bound by the topic's depth and by how its prefixes are subscribed to, not by the number of patterns.
/// Nodes live in one array and refer to each other by position, so that the index is a value.
package struct FilterIndex<Value: Sendable>: Sendable {
    private struct Entry {
        let id: Int
        let value: Value
    }

    private struct Node {
        var literals: [ByteKey: Int] = [:]
        var anyOne: Int?
        /// Of patterns that end here.
        var here: [Entry] = []
        /// Of patterns that end with `#` below here.
        var rest: [Entry] = []

        var isEmpty: Bool { literals.isEmpty && anyOne == nil && here.isEmpty && rest.isEmpty }
    }

    private static var root: Int { 0 }
    private var nodes = [Node()]
    private var free: [Int] = []
    /// How many values there are.
    package private(set) var count = 0

    package init() {}

    /// Adds a value under an identifier. Identifiers rise: each is greater than all before it.
    package mutating func insert(_ value: Value, id: Int, for pattern: TopicPattern) {
        var position = Self.root
        for segment in pattern.segments {
            if segment == .rest {
                nodes[position].rest.append(Entry(id: id, value: value))
                count += 1
                return
            }
            position = child(of: position, for: segment)
        }
        nodes[position].here.append(Entry(id: id, value: value))
        count += 1
    }

    /// Removes what was inserted under an identifier for that pattern, and the nodes that only it needed.
    package mutating func remove(id: Int, for pattern: TopicPattern) {
        var path = [Self.root]
        var segments = pattern.segments
        let isRest = segments.last == .rest
        if isRest { segments.removeLast() }
        for segment in segments {
            guard let next = existingChild(of: path[path.count - 1], for: segment) else { return }
            path.append(next)
        }
        let last = path[path.count - 1]
        let removed = isRest ? Self.remove(id, from: &nodes[last].rest) : Self.remove(id, from: &nodes[last].here)
        guard removed else { return }
        count -= 1
        for (segment, depth) in zip(segments, 1...).reversed() {
            let position = path[depth]
            guard nodes[position].isEmpty else { return }
            nodes[position] = Node()
            free.append(position)
            if case .literal(let text) = segment {
                nodes[path[depth - 1]].literals[ByteKey(text)] = nil
            } else {
                nodes[path[depth - 1]].anyOne = nil
            }
        }
    }

    /// Calls `body` with each value whose pattern matches the topic.
    ///
    /// - Returns: how many nodes were visited, for those who watch the cost.
    @discardableResult
    package func forEachMatch(of topic: TopicName, _ body: (Value) -> Void) -> Int {
        let segments = topic.segments
        var visited = 0
        var pending = [(position: Self.root, depth: 0)]
        while let (position, depth) = pending.popLast() {
            visited += 1
            let node = nodes[position]
            let allowsWildcards = depth > 0 || !topic.isReserved
            if allowsWildcards { for entry in node.rest { body(entry.value) } }
            if depth == segments.count {
                for entry in node.here { body(entry.value) }
                continue
            }
            if allowsWildcards, let next = node.anyOne { pending.append((next, depth + 1)) }
            if let next = node.literals[ByteKey(segments[depth])] { pending.append((next, depth + 1)) }
        }
        return visited
    }

    private func existingChild(of position: Int, for segment: TopicPattern.Segment) -> Int? {
        if case .literal(let text) = segment { nodes[position].literals[ByteKey(text)] } else { nodes[position].anyOne }
    }

    private mutating func child(of position: Int, for segment: TopicPattern.Segment) -> Int {
        if let child = existingChild(of: position, for: segment) { return child }
        let child: Int
        if let reused = free.popLast() {
            child = reused
        } else {
            child = nodes.count
            nodes.append(Node())
        }
        if case .literal(let text) = segment {
            nodes[position].literals[ByteKey(text)] = child
        } else {
            nodes[position].anyOne = child
        }
        return child
    }

    /// Entries are in the order of their identifiers, so that one among many is found by halving.
    private static func remove(_ id: Int, from list: inout [Entry]) -> Bool {
        var low = 0
        var high = list.count
        while low < high {
            let middle = (low + high) / 2
            if list[middle].id < id { low = middle + 1 } else { high = middle }
        }
        guard low < list.count, list[low].id == id else { return false }
        list.remove(at: low)
        return true
    }
}
