/// The broker's word on a message that was published or sent, which may still be on its way.
public struct Confirmation: Sendable {
    private let wait: (@Sendable () async throws -> Void)?

    /// There is nothing to wait for.
    public static let confirmed = Confirmation(wait: nil)

    private init(wait: (@Sendable () async throws -> Void)?) {
        self.wait = wait
    }

    /// - Parameter wait: returns when the broker has confirmed the message, and throws if it won't; called at most once.
    public init(_ wait: @escaping @Sendable () async throws -> Void) {
        self.wait = wait
    }

    /// Whether there is nothing to wait for.
    public var isConfirmed: Bool { wait == nil }

    /// Returns when the broker has confirmed the message. To be waited for once.
    ///
    /// - Throws: what publishing or sending throws. Cancelled, it waits no more; the message may still arrive.
    public func wait() async throws {
        try await wait?()
    }
}
