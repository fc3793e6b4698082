public import Martlet

/// Where the tasks of a connection put what they send: into its outbox, or, without a link and without a guarantee, where the
/// policy for that says.
@usableFromInline
package struct Outlet<Element: Sendable>: Sendable {
    @usableFromInline package let runtime: ConnectionRuntime
    @usableFromInline package let outbox: Outbox<Element>
    @usableFromInline package let offline: OfflineBuffer<Element>
    @usableFromInline let bell: Bell

    @inlinable
    package init(
        _ runtime: ConnectionRuntime,
        _ outbox: Outbox<Element>,
        _ offline: OfflineBuffer<Element>,
        _ bell: Bell
    ) {
        self.runtime = runtime
        self.outbox = outbox
        self.offline = offline
        self.bell = bell
    }

    /// Hands the loop an element without a guarantee.
    ///
    /// - Parameters:
    ///   - limit: how long it may wait for room while there is a link; `nil`: as long as it takes.
    ///   - dropped: called if it, or an older one, is dropped, since there is no link.
    /// - Throws: `MessagingError.Code.notConnected` if it is to fail without a link;
    ///   `MessagingError.Code.connectionClosed`; what `Outbox.put(_:bytes:limit:)` throws.
    @inlinable
    package func put(_ element: Element, bytes: Int, limit: WaitLimit?, dropped: () -> Void) async throws {
        if try hasLink(runtime) { return try await outbox.put(element, bytes: bytes, limit: limit) }
        switch offline.add(element) {
        case .refused: throw offlineError()
        case .dropped: dropped()
        case .kept: break
        }
        // The link may have come back just before.
        bell.ring()
    }

    /// The element that has waited longest: of those that were kept without a link first. For the loop alone.
    @inlinable
    package func takeFirst() -> Element? {
        (offline.keeps ? offline.takeFirst() : nil) ?? outbox.takeFirst()
    }

    /// Whether nothing waits. For the loop alone.
    package var isEmpty: Bool { outbox.count == 0 && offline.isEmpty }
}

/// - Throws: `MessagingError.Code.connectionClosed` if there will be none any more.
@usableFromInline
func hasLink(_ runtime: ConnectionRuntime) throws -> Bool {
    switch runtime.states.state {
    case .connected: true
    case .closed: throw MessagingError.closed
    case .connecting, .disconnected: false
    }
}

@usableFromInline
func offlineError() -> MessagingError { .offline }
