/// Topics in a tree with one level a segment, so that those a pattern matches are found without a look at the others.
///
/// Nodes live in one array and refer to each other by position, so that the tree is a value.
struct TopicTree: Sendable {
    /// One segment of a name.
    private typealias Segment = ByteKey

    private struct Node: Sendable {
        var children: [Segment: Int] = [:]
        /// The topic that ends here.
        var topic: TopicName?

        var isEmpty: Bool { children.isEmpty && topic == nil }
    }

    private static var root: Int { 0 }
    private var nodes = [Node()]
    private var free: [Int] = []

    mutating func insert(_ topic: TopicName) {
        var position = Self.root
        for segment in topic.segments.lazy.map({ ByteKey($0) }) { position = child(of: position, for: segment) }
        nodes[position].topic = topic
    }

    /// Removes a topic, and the nodes that only it needed.
    mutating func remove(_ topic: TopicName) {
        let segments = topic.segments.map { ByteKey($0) }
        var path = [Self.root]
        for segment in segments {
            guard let next = nodes[path[path.count - 1]].children[segment] else { return }
            path.append(next)
        }
        nodes[path[path.count - 1]].topic = nil
        for (segment, depth) in zip(segments, 1...).reversed() {
            let position = path[depth]
            guard nodes[position].isEmpty else { return }
            nodes[position] = Node()
            free.append(position)
            nodes[path[depth - 1]].children[segment] = nil
        }
    }

    /// Calls `body` with each topic that a pattern matches, in no particular order.
    ///
    /// A wildcard in the first segment does not match a first segment that begins with `$` (MQTT 5, 4.7.2).
    ///
    /// - Returns: how many nodes it looked at.
    @discardableResult
    func forEachMatch(of pattern: TopicPattern, _ body: (TopicName) -> Void) -> Int {
        let segments = pattern.segments
        var visited = 0
        var pending = [(position: Self.root, depth: 0)]
        while let (position, depth) = pending.popLast() {
            visited += 1
            let node = nodes[position]
            let segment = depth < segments.count ? segments[depth] : nil
            guard let segment else {
                if let topic = node.topic { body(topic) }
                continue
            }
            switch segment {
            case .one, .rest:
                let isRest = segment == .rest
                if isRest, let topic = node.topic { body(topic) }
                // In an order that a repeated run has too.
                for (name, child) in node.children.sorted(by: { $0.value > $1.value })
                where position != Self.root || name.text.utf8.first != UInt8(ascii: "$") {
                    pending.append((child, isRest ? depth : depth + 1))
                }
            case .literal(let text):
                if let child = node.children[ByteKey(text)] { pending.append((child, depth + 1)) }
            }
        }
        return visited
    }

    private mutating func child(of position: Int, for segment: Segment) -> Int {
        if let child = nodes[position].children[segment] { return child }
        let child: Int
        if let reused = free.popLast() {
            child = reused
        } else {
            child = nodes.count
            nodes.append(Node())
        }
        nodes[position].children[segment] = child
        return child
    }
}
