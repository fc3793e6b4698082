/// What the figures are to reach.
enum Goal: Sendable, Hashable {
    /// Martlet ÷ the other, where more is better.
    case atLeast(ratio: Double)
    /// Martlet ÷ the other, where less is better.
    case atMost(ratio: Double)
    /// Martlet's own figure, at most, in the quantity's unit.
    case below(Double)

    func isMet(value: Double, ratio: Double?) -> Bool {
        switch self {
        case .atLeast(let least): ratio.map { $0 >= least } ?? false
        case .atMost(let most): ratio.map { $0 <= most } ?? false
        case .below(let most): value <= most
        }
    }

    func text(_ quantity: Quantity) -> String {
        switch self {
        case .atLeast(let least): "≥ \(least.decimals(2))"
        case .atMost(let most): "≤ \(most.decimals(2))"
        case .below(let most): "≤ \(quantity.text(most))"
        }
    }
}
