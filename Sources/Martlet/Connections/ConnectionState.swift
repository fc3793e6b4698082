/// How a connection stands to its broker.
public enum ConnectionState: Sendable, Hashable {
    /// It has had no link yet, and is trying to get one.
    case connecting
    /// It has a link.
    case connected
    /// It has lost its link and is trying to get it back.
    case disconnected
    /// It is closed for good.
    case closed
}
