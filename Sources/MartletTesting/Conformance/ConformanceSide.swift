/// Where somebody is, in a check that has two brokers and a bridge from the one to the other.
public enum ConformanceSide: Sendable, Hashable {
    /// At the broker where messages, calls and goals begin.
    case source
    /// At the broker where they arrive.
    case sink
}
