package import Martlet

/// Where the tasks of a connection put what they send: into its outbox, or, without a link and without a guarantee, where the
/// policy for that says.
package struct Outlet<Element: Sendable>: Sendable {
    package let runtime: ConnectionRuntime
    package let outbox: Outbox<Element>
    package let offline: OfflineBuffer<Element>
    private let bell: Bell

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
    /// - Parameter dropped: called if it, or an older one, is dropped, since there is no link.
    /// - Throws: `MessagingError.Code.notConnected` if it is to fail without a link;
    ///   `MessagingError.Code.connectionClosed`; what `Outbox.put(_:bytes:)` throws.
    package func put(_ element: Element, bytes: Int, dropped: () -> Void) async throws {
        switch runtime.states.state {
        case .connected:
            try await outbox.put(element, bytes: bytes)
        case .closed:
            throw MessagingError.closed
        case .connecting, .disconnected:
            switch offline.add(element) {
            case .refused: throw MessagingError.offline
            case .dropped: dropped()
            case .kept: break
            }
            // The link may have come back just before.
            bell.ring()
        }
    }

    /// The element that has waited longest: of those that were kept without a link first. For the loop alone.
    package func takeFirst() -> Element? {
        (offline.keeps ? offline.takeFirst() : nil) ?? outbox.takeFirst()
    }

    /// Whether nothing waits. For the loop alone.
    package var isEmpty: Bool { outbox.count == 0 && offline.isEmpty }
}
