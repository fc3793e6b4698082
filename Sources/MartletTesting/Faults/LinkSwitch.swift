/// How a link is taken away and given back, for connections that can't do it themselves.
public struct LinkSwitch: Sendable {
    let cut: @Sendable () async throws -> Void
    let restore: @Sendable () async throws -> Void

    /// - Parameters:
    ///   - cut: loses the link; when it has returned the connection behaves as offline.
    ///   - restore: gives it back.
    public init(
        cut: @escaping @Sendable () async throws -> Void,
        restore: @escaping @Sendable () async throws -> Void
    ) {
        self.cut = cut
        self.restore = restore
    }
}
