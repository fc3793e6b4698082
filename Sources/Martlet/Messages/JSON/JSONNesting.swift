/// The arrays and objects that a scanner is inside of: one bit each, so that depth costs no memory.
struct JSONNesting {
    enum Kind {
        case array
        case object
    }

    private(set) var depth = 0
    private(set) var innermost = Kind.array
    /// Bit `d` says whether the one at depth `d` is an object.
    private var objects = SIMD8<UInt64>(repeating: 0)

    /// Goes one deeper; false at ``JSONScanner/maximumDepth``.
    mutating func enter(_ kind: Kind) -> Bool {
        guard depth < JSONScanner.maximumDepth else { return false }
        let bit: UInt64 = 1 << UInt64(depth % 64)
        if kind == .object { objects[depth / 64] |= bit } else { objects[depth / 64] &= ~bit }
        depth += 1
        innermost = kind
        return true
    }

    /// Comes out of the innermost.
    mutating func leave() {
        guard depth > 0 else { return }
        depth -= 1
        guard depth > 0 else { return }
        innermost = objects[(depth - 1) / 64] >> UInt64((depth - 1) % 64) & 1 == 1 ? .object : .array
    }
}
