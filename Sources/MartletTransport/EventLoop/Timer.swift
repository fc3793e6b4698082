/// Something that an event loop does once at a time, unless it is cancelled or the loop's thread ends before.
///
/// Like a ``Watch`` it belongs to its loop's thread, and the loop keeps it meanwhile.
package final class Timer: Sendable {
    private let loop: EventLoop
    // Proof: touched on the loop's thread alone; see `Watch`. A timer is freed only after it fired or was
    // cancelled, so no action is left that another thread might free with it.
    private nonisolated(unsafe) var action: (() -> Void)?

    init(on loop: EventLoop, _ action: @escaping () -> Void) {
        self.loop = loop
        self.action = action
    }

    /// Whether it neither fired nor was cancelled.
    package var isScheduled: Bool {
        loop.preconditionCurrent()
        return action != nil
    }

    /// Forgets the action, which is never called; does nothing if it was called before.
    package func cancel() {
        loop.preconditionCurrent()
        guard let action = end() else { return }
        loop.body.timers.countCancelled()
        // What it held may itself do something when it goes, now that nothing is half done.
        withExtendedLifetime(action) {}
    }

    var isPending: Bool { action != nil }

    /// - Returns: the action, if it was neither called nor cancelled.
    func end() -> (() -> Void)? {
        action.take()
    }
}
