/// A connection as its broker sees it.
public struct BrokerClient: Sendable, Hashable {
    /// Tells it from every other client the broker has had.
    public let id: Int
    /// What it calls itself; several may have the same name.
    public let name: String
}
