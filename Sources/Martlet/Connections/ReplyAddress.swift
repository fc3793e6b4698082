/// An address that only one connection hears.
///
/// Where replies carry the correlation ID of their request, one address serves every call. For peers that do not
/// echo it, a transport may give each call an address of its own; then the address tells which call is meant. Nobody may be
/// able to guess either.
public struct ReplyAddress: Sendable {
    private let lease: @Sendable (String, QueueName?) -> String
    private let giveBack: @Sendable (String) -> Void
    /// Whether each call has an address of its own.
    let isOwn: Bool

    /// One address for all calls. A reply without a correlation ID is nobody's.
    public init(_ address: String) {
        self.init { address }
    }

    /// One address for all calls at a time, which may be another one with each link. A reply without a correlation ID is
    /// nobody's.
    ///
    /// - Parameter current: the address for the next call.
    public init(current: @escaping @Sendable () -> String) {
        lease = { _, _ in current() }
        giveBack = { _ in }
        isOwn = false
    }

    /// An address of its own for each call. A reply that comes to it without a correlation ID is that call's.
    ///
    /// - Parameters:
    ///   - lease: the address for the call of a correlation ID.
    ///   - giveBack: told the correlation ID when that call has ended.
    public init(lease: @escaping @Sendable (String) -> String, giveBack: @escaping @Sendable (String) -> Void) {
        self.init(leaseTo: { id, _ in lease(id) }, giveBack: giveBack)
    }

    /// An address of its own for each call, which may serve another one later. For this it is leased with the queue that the
    /// request goes to: whoever was told an address must not be able to answer what is asked at another queue.
    ///
    /// - Parameters:
    ///   - lease: the address for the call of a correlation ID, at a queue; `nil`: a reply counts only if it has the ID.
    ///   - giveBack: told the correlation ID when that call has ended.
    public init(
        leaseTo lease: @escaping @Sendable (_ correlationID: String, _ queue: QueueName?) -> String,
        giveBack: @escaping @Sendable (String) -> Void
    ) {
        self.lease = lease
        self.giveBack = giveBack
        isOwn = true
    }

    /// The address for the reply to the request of a correlation ID. Where each call has an address of its own, this leases
    /// it: it is to be followed by ``release(_:)``.
    ///
    /// - Parameters:
    ///   - correlationID: of the call.
    ///   - queue: to which the request goes; `nil`: what comes is not the reply to a request, or only one with the ID.
    public func address(for correlationID: String, askedAt queue: QueueName? = nil) -> String {
        lease(correlationID, queue)
    }

    /// No reply to the request of a correlation ID is awaited any more.
    public func release(_ correlationID: String) { giveBack(correlationID) }
}
