/// How a ``TCPProxy`` ends a connection.
package enum ProxyCut: Sendable, Hashable {
    /// By a reset (RST), as when a machine was restarted: the peers see an error.
    case reset
    /// In order (FIN), as when a program ends: the peers read the end.
    case close
}
