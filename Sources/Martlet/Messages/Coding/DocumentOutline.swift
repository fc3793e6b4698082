/// Collects the nodes of a document as a scanner goes through it.
struct DocumentOutline: ~Copyable {
    private var nodes: GrowingBuffer<DocumentNode>
    /// The innermost array or object that has not ended. While one is open, its `next` is the one around it.
    private var open = UInt32.max

    /// The longest document that the nodes' numbers are good for: 2 GiB.
    static let maximumCount = Int(Int32.max)

    /// An outline with room for a document of so many bytes, unless that would be much.
    init(count: Int) {
        nodes = GrowingBuffer(capacity: min(count / 6 + 4, 1_024))
    }

    /// The nodes, when the whole document has been told.
    consuming func finished() -> GrowingBuffer<DocumentNode> { nodes }

    mutating func add(_ kind: DocumentNode.Kind, _ range: Range<Int>) {
        countValue()
        append(kind, range)
    }

    mutating func addKey(_ kind: DocumentNode.Kind, _ range: Range<Int>) {
        append(kind, range)
    }

    mutating func begin(_ kind: DocumentNode.Kind) {
        countValue()
        let index = UInt32(truncatingIfNeeded: nodes.count)
        nodes.append(DocumentNode(kind: kind, start: index + 1, count: 0, next: open))
        open = index
    }

    mutating func leave() {
        guard open < nodes.count else { return }
        let index = Int(open)
        open = nodes[index].next
        nodes[index].next = UInt32(truncatingIfNeeded: nodes.count)
    }

    private mutating func countValue() {
        if open != .max { nodes[Int(open)].count += 1 }
    }

    private mutating func append(_ kind: DocumentNode.Kind, _ range: Range<Int>) {
        nodes.append(
            DocumentNode(
                kind: kind,
                start: UInt32(truncatingIfNeeded: range.lowerBound),
                count: UInt32(truncatingIfNeeded: range.count),
                next: UInt32(truncatingIfNeeded: nodes.count + 1)
            )
        )
    }
}
