package import Martlet

/// What a transport's session does for the keeper of its link. It lives on its loop, and so does all that is called here.
///
/// A session tells the keeper of three things: ``linkAnswered()``, ``linkFailed(_:)`` and ``progressed()``.
package protocol LinkSession: Actor {
    nonisolated var loop: EventLoop { get }
    nonisolated var runtime: ConnectionRuntime { get }
    nonisolated var bell: Bell { get }
    var keeper: LinkKeeper { get }

    /// How far what was given to the link has come. Nothing, where no question stands behind anything large.
    var traffic: LinkTraffic { get }

    /// Begins to open a link, without waiting. All that it needs is read anew.
    func openLink(to endpoint: Endpoint) throws

    /// Opens what was open on the link before.
    ///
    /// - Throws: why there is no use in this link.
    func restoreLink() async throws

    /// There is a link, on which all is open again: what waits can be sent.
    func linkIsOpen()

    /// Lets go of the link, without a word to the broker. There may be none.
    func releaseLink()

    /// The link that was there is gone: what can't go on without it fails. Called after it was let go of, for a link that
    /// was never restored as well.
    func linkIsLost(_ error: MessagingError)

    /// What is left to do on a link that came back, by the task that has opened it.
    func linkIsBack() async

    /// Whether something that was accepted has not been written.
    var hasUnwritten: Bool { get }

    /// Writes what can be written of what was accepted.
    func writeAccepted()

    /// Says to the broker that this is the end, and returns when it has been heard, or at a time of the connection's
    /// clock.
    func sayGoodbye(until deadline: Duration) async

    /// Ends everything, for good.
    func end(_ error: MessagingError)
}

extension LinkSession {
    package func linkIsBack() async {}

    /// Does something on the loop after a time, unless the session is gone or has ended by then.
    @discardableResult
    package nonisolated func later(
        _ delay: Duration,
        _ work: @escaping @Sendable (isolated Self) -> Void
    ) -> Timers.ID {
        later(at: runtime.timers.now + delay, work)
    }

    /// Does something on the loop at a time of the connection's clock, unless the session is gone or has ended by then.
    @discardableResult
    package nonisolated func later(
        at time: Duration,
        _ work: @escaping @Sendable (isolated Self) -> Void
    ) -> Timers.ID {
        runtime.timers.schedule(at: time) { [weak self, bell] in
            bell.execute { [weak self] in self?.assumeIsolated { work($0) } }
        }
    }
}
