/// An address that only one connection hears.
///
/// Where replies carry the correlation ID of their request, one address serves every call. For peers that do not
/// echo it, a transport may give each call an address of its own; then the address tells which call is meant. Nobody may be
/// able to guess either.
public struct ReplyAddress: Sendable {
    private let lease: @Sendable (String) -> String
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
        lease = { _ in current() }
        giveBack = { _ in }
        isOwn = false
    }

    /// An address of its own for each call. A reply that comes to it without a correlation ID is that call's.
    ///
    /// - Parameters:
    ///   - lease: the address for the call of a correlation ID.
    ///   - giveBack: told the correlation ID when that call has ended.
    public init(lease: @escaping @Sendable (String) -> String, giveBack: @escaping @Sendable (String) -> Void) {
        self.lease = lease
        self.giveBack = giveBack
        isOwn = true
    }

    /// The address for the reply to the request of a correlation ID. Where each call has an address of its own, this leases
    /// it: it is to be followed by ``release(_:)``.
    public func address(for correlationID: String) -> String { lease(correlationID) }

    /// No reply to the request of a correlation ID is awaited any more.
    public func release(_ correlationID: String) { giveBack(correlationID) }
}
