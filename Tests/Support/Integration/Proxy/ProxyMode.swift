/// What a ``TCPProxy`` does with the bytes of one direction.
package enum ProxyMode: Sendable, Hashable {
    /// Passes them on.
    case forward
    /// Reads them and throws them away, like a network that has lost its way: nobody learns that the connection is dead,
    /// not even when one side ends. What was read in this mode is gone for good.
    case swallow
    /// Does not read them, like a peer that hangs: the writer's and the kernel's buffers fill up, and then the writer
    /// waits. Nothing is lost; in another mode it goes on.
    case stall
    /// Passes them on, in order, this much later.
    case delay(Duration)
}
