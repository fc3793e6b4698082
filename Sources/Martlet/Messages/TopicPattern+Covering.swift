extension TopicPattern {
    /// Whether each topic that the other pattern matches is matched by this one as well. It may be `false` for two that are
    /// written differently and mean the same, as `#` and `*.#` do.
    package func covers(_ other: TopicPattern) -> Bool {
        if beginsWithWildcard, case .literal(let first) = other.segments.first, first.utf8.first == UInt8(ascii: "$") {
            return false
        }
        let others = other.segments
        for (index, segment) in segments.enumerated() {
            if segment == .rest { return true }
            guard index < others.count, others[index] != .rest else { return false }
            if segment != .one, segment != others[index] { return false }
        }
        return segments.count == others.count
    }
}
