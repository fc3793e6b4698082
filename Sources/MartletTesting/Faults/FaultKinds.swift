/// Kinds of faults: those that a promise survives, or that a run injects.
public struct FaultKinds: OptionSet, Sendable, Hashable {
    /// The set as bits.
    public let rawValue: Int

    /// A set of its bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Messages are late, in their order.
    public static let delay = FaultKinds(rawValue: 1 << 0)
    /// Messages arrive twice.
    public static let duplicate = FaultKinds(rawValue: 1 << 1)
    /// Messages overtake each other.
    public static let reorder = FaultKinds(rawValue: 1 << 2)
    /// Messages without a guarantee are lost; deliveries from a queue go back to it.
    public static let drop = FaultKinds(rawValue: 1 << 3)
    /// The link is lost and comes back.
    public static let cut = FaultKinds(rawValue: 1 << 4)

    /// The link is lost long before that is noticed: what is sent and what comes is lost meanwhile.
    public static let halfOpen = FaultKinds(rawValue: 1 << 5)

    /// The link is slow: a message waits until those before it have passed.
    public static let bandwidth = FaultKinds(rawValue: 1 << 6)

    /// Every kind.
    public static let all: FaultKinds = [.delay, .duplicate, .reorder, .drop, .cut, .halfOpen, .bandwidth]

    static let names: [(kind: FaultKinds, name: String)] = [
        (.delay, "delay"), (.duplicate, "duplicate"), (.reorder, "reorder"), (.drop, "drop"), (.cut, "cut"),
        (.halfOpen, "half-open"), (.bandwidth, "bandwidth"),
    ]

    /// Each kind of the set by itself.
    package var each: [FaultKinds] { Self.names.map(\.kind).filter(contains) }

    /// The kind of a name as ``description`` has it.
    package init?(name: String) {
        guard let kind = Self.names.first(where: { $0.name == name })?.kind else { return nil }
        self = kind
    }
}

extension FaultKinds: CustomStringConvertible {
    /// The kinds' names.
    public var description: String {
        let present = Self.names.filter { contains($0.kind) }.map(\.name)
        return present.isEmpty ? "none" : present.joined(separator: ", ")
    }
}
