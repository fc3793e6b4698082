/// Is told of each value that a scanner passes.
protocol JSONVisitor: ~Copyable {
    mutating func enter(_ kind: JSONNesting.Kind)
    mutating func leave()
    mutating func key(_ text: JSONText)
    mutating func string(_ text: JSONText)
    mutating func scalar(_ kind: DocumentNode.Kind, _ range: Range<Int>)
}

/// Wants to know of none.
struct JSONSkipping: JSONVisitor {
    func enter(_ kind: JSONNesting.Kind) {}
    func leave() {}
    func key(_ text: JSONText) {}
    func string(_ text: JSONText) {}
    func scalar(_ kind: DocumentNode.Kind, _ range: Range<Int>) {}
}

extension DocumentOutline: JSONVisitor {
    mutating func enter(_ kind: JSONNesting.Kind) { begin(kind == .object ? .object : .array) }
    mutating func key(_ text: JSONText) { addKey(text.hasEscapes ? .escapedString : .string, text.range) }
    mutating func string(_ text: JSONText) { add(text.hasEscapes ? .escapedString : .string, text.range) }
    mutating func scalar(_ kind: DocumentNode.Kind, _ range: Range<Int>) { add(kind, range) }
}
