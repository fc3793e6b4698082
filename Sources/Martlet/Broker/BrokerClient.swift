/// A connection as its broker sees it.
public struct BrokerClient: Sendable, Hashable {
    /// Its number: no other client of this broker has or had it.
    public let id: Int
    /// Its name, which other clients may have as well.
    public let name: String
}
