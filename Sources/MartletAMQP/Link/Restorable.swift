/// Something that is consumed and has to be opened anew on each link.
protocol Restorable: AnyObject {
    /// By which the session keeps it.
    var id: Int { get set }
    /// Opens it on the present link; tells how that ended.
    func open(on session: isolated AMQPSession, _ completion: @escaping ((any Error)?) -> Void)
    /// Does what other threads have asked for.
    func work(_ session: isolated AMQPSession)
    /// Does what it has asked to be woken for; see ``AMQPSession/wake(_:after:)``.
    func wake(_ session: isolated AMQPSession)
    /// Whether what is published for it while there is no link does not come.
    var losesWithLink: Bool { get }
    /// The queues that somebody else may have declared, as often as it consumes them.
    var consumedQueues: [String] { get }
    /// Ends it at the broker, because its reader wants no more.
    func leave(_ session: isolated AMQPSession)
    /// Takes away at the broker what would outlive the connection, which is about to be closed.
    func sayGoodbye(_ session: isolated AMQPSession)
    /// Ends it for its reader, after what has arrived.
    func finish(throwing error: (any Error)?)
}

/// The defaults: nothing is done.
extension Restorable {
    func work(_ session: isolated AMQPSession) {}
    func wake(_ session: isolated AMQPSession) {}
    var losesWithLink: Bool { false }
    var consumedQueues: [String] { [] }
    func leave(_ session: isolated AMQPSession) {}
    func sayGoodbye(_ session: isolated AMQPSession) {}
}
