/// How a connection stands to its broker.
public enum ConnectionState: Sendable, Hashable {
    /// It is establishing its first link.
    case connecting
    /// It has a link.
    case connected
    /// It has lost its link and is trying to get it back.
    case disconnected
    /// It is closed for good.
    case closed
}
