import Synchronization

/// Whether a connection reads its socket: it does not while any of its mailboxes is full.
///
/// Each mailbox is made with `onFull: { gate.hold() }` and `onRoom: { gate.letGo() }`. After each read, on the loop's
/// thread, the connection asks ``isClosed`` and then drops its read interest; the gate has it take the interest up
/// again.
package final class FlowGate: Sendable {
    /// How many mailboxes are full. Below zero for a moment where a mailbox has room again before it could be told
    /// that it is full.
    private let full = Atomic(0)
    private let bell: Bell
    private let reopen: @Sendable () -> Void

    /// - Parameters:
    ///   - bell: that of the connection, by which the loop is told.
    ///   - reopen: called on the loop's thread when no mailbox is full any more; perhaps more often than the
    ///     gate was found closed, and never while it is closed. It should not hold the connection.
    package init(on bell: Bell, _ reopen: @escaping @Sendable () -> Void) {
        self.bell = bell
        self.reopen = reopen
    }

    /// Whether a mailbox is full.
    package var isClosed: Bool { full.load(ordering: .sequentiallyConsistent) > 0 }

    /// A mailbox has become full. From any thread.
    ///
    /// - Returns: whether the gate is closed now.
    @discardableResult
    package func hold() -> Bool {
        full.add(1, ordering: .sequentiallyConsistent).newValue > 0
    }

    /// A mailbox has room again. From any thread, with whatever locks held.
    package func letGo() {
        guard full.subtract(1, ordering: .sequentiallyConsistent).newValue == 0 else { return }
        // In the queue it comes after whatever found the gate closed just now.
        bell.execute { [self] in
            if !isClosed { reopen() }
        }
    }
}
