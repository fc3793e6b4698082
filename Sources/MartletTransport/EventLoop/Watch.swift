/// A descriptor that an event loop watches, until it is cancelled or the loop's thread ends.
///
/// It belongs to its loop: its members may only be used on the loop's thread. That it can be passed around is
/// for a `deinit` elsewhere, which cancels it by `loop.execute { watch.cancel() }`. The loop keeps it meanwhile;
/// dropping it does not cancel it. The descriptor itself belongs to whoever watches it, who cancels the watch
/// before he closes it.
package final class Watch: Sendable {
    package let descriptor: CInt
    private let loop: EventLoop
    // Proof for the three: they are touched on the loop's thread alone. Whoever comes from outside passes
    // `loop.preconditionCurrent()`, everyone else is the loop's own code. A watch is freed only after it was
    // cancelled, so no handler is left that another thread might free with it.
    private nonisolated(unsafe) var wanted: Interest
    private nonisolated(unsafe) var handler: ((Interest) -> Void)?
    /// Its place in the loop's list.
    nonisolated(unsafe) var slot = 0

    init(_ descriptor: CInt, _ interest: Interest, on loop: EventLoop, _ handler: @escaping (Interest) -> Void) {
        self.descriptor = descriptor
        self.loop = loop
        wanted = interest
        self.handler = handler
    }

    /// What it is watched for from now on; with none, not even a hang-up is noticed. Cheap to change.
    package var interest: Interest {
        get {
            loop.preconditionCurrent()
            return wanted
        }
        set {
            loop.preconditionCurrent()
            guard newValue != wanted, handler != nil else { return }
            wanted = newValue
            loop.body.watches.update(self, newValue)
        }
    }

    /// Whether its handler will never be called again.
    package var isCancelled: Bool {
        loop.preconditionCurrent()
        return handler == nil
    }

    /// Ends it: the handler is never called again, even if the descriptor has become ready already, and is freed.
    package func cancel() {
        loop.preconditionCurrent()
        let handler = end()
        // What it held may itself do something when it goes, now that nothing is half done.
        withExtendedLifetime(handler) {}
    }

    /// - Returns: the handler, which the caller lets go when nothing is half done.
    func end() -> ((Interest) -> Void)? {
        guard let handler else { return nil }
        self.handler = nil
        wanted = []
        loop.body.watches.remove(self)
        return handler
    }

    /// What the loop calls. Of what the descriptor is ready for, counts what is still wanted.
    func ready(for ready: Interest) {
        let ready = ready.intersection(wanted)
        guard !ready.isEmpty else { return }
        handler?(ready)
    }

    /// What the loop calls when the descriptor was closed under it: a last call, as if everything were ready, so
    /// that whoever reads or writes finds out.
    func descriptorVanished() {
        let wanted = wanted
        let handler = end()
        handler?(wanted)
    }
}
