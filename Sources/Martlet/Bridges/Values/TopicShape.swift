/// Which topics a pattern or a template can mean, so that it can be found out whether two have any in common.
struct TopicShape: Sendable, Hashable {
    enum Segment: Sendable, Hashable {
        case literal(String)
        /// Any one segment.
        case one
        /// Any number of segments, also none.
        case many
    }

    let segments: [Segment]

    init(_ segments: [Segment]) {
        self.segments = segments
    }

    init(_ pattern: TopicPattern) {
        segments = pattern.segments.map { segment in
            switch segment {
            case "*": .one
            case "#": .many
            default: .literal(segment)
            }
        }
    }

    /// Whether there is a topic that both mean. The work is bound by the product of their lengths.
    func overlaps(_ other: TopicShape) -> Bool {
        let (a, b) = (segments, other.segments)
        let width = b.count + 1
        var seen = [Bool](repeating: false, count: (a.count + 1) * width)
        var pending = [(i: 0, j: 0)]
        func visit(_ i: Int, _ j: Int) {
            guard !seen[i * width + j] else { return }
            seen[i * width + j] = true
            pending.append((i, j))
        }
        while let (i, j) = pending.popLast() {
            let (first, second) = (i < a.count ? a[i] : nil, j < b.count ? b[j] : nil)
            if first == nil, second == nil { return true }
            if first == .many {
                visit(i + 1, j)
                if second != nil { visit(i, j + 1) }
            }
            if second == .many {
                visit(i, j + 1)
                if first != nil { visit(i + 1, j) }
            }
            guard let first, let second, first != .many, second != .many else { continue }
            if first == .one || second == .one || first == second { visit(i + 1, j + 1) }
        }
        return false
    }
}
