/// Which topics a pattern or a template can mean, so that it can be found out whether two have any in common.
struct TopicShape: Sendable, Hashable {
    enum Segment: Sendable, Hashable {
        case literal(ByteKey)
        /// Any one segment.
        case one
        /// Any number of segments, also none.
        case many
    }

    let segments: [Segment]
    /// Whether no topic is meant that begins with `$`.
    private let excludesReserved: Bool

    init(_ segments: [Segment], excludesReserved: Bool = false) {
        self.segments = segments
        self.excludesReserved = excludesReserved
    }

    init(_ pattern: TopicPattern) {
        let segments = pattern.segments.map { segment -> Segment in
            switch segment {
            case .one: .one
            case .rest: .many
            case .literal(let text): .literal(ByteKey(text))
            }
        }
        self.init(segments, excludesReserved: pattern.beginsWithWildcard)
    }

    /// Whether all topics begin with `$`.
    private var isReserved: Bool {
        if case .literal(let first) = segments.first { first.text.utf8.first == UInt8(ascii: "$") } else { false }
    }

    /// Whether there is a topic that both mean. The work is bound by the product of their lengths.
    func overlaps(_ other: TopicShape) -> Bool {
        if excludesReserved && other.isReserved || isReserved && other.excludesReserved { return false }
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
