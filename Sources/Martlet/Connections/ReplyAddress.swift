/// An address that only one connection hears.
///
/// Where replies carry the correlation ID of their request, one address serves every call. For peers that do not
/// echo it, a transport may give each call an address of its own; then the address tells which call is meant.
public struct ReplyAddress: Sendable {
    private let lease: @Sendable (String) -> String
    private let giveBack: @Sendable (String) -> Void

    /// One address for all calls.
    public init(_ address: String) {
        self.init(lease: { _ in address }, giveBack: { _ in })
    }

    /// - Parameters:
    ///   - lease: the address for the call of a correlation ID.
    ///   - giveBack: told the correlation ID when that call has ended.
    public init(lease: @escaping @Sendable (String) -> String, giveBack: @escaping @Sendable (String) -> Void) {
        self.lease = lease
        self.giveBack = giveBack
    }

    /// The address for the reply to the request of a correlation ID. Where each call has an address of its own, this leases
    /// it: it is to be followed by ``release(_:)``.
    public func address(for correlationID: String) -> String { lease(correlationID) }

    /// No reply to the request of a correlation ID is awaited any more.
    public func release(_ correlationID: String) { giveBack(correlationID) }
}
