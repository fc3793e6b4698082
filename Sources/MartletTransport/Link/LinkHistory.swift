package import Martlet

/// How the links of a connection have fared, and what follows for the next one. A pure value.
///
/// The delays grow from one failure to the next, whether a link was refused or was accepted and ended again at once. They
/// start small again only after a link has held for a while: so two clients that take a name from each other, or a message
/// that the broker answers by ending the link, do not make ten links a second for ever.
package struct LinkHistory: Sendable {
    private let backoff: Backoff
    /// How long a link has to last.
    private let steadyAfter: Duration
    private var openedAt: Duration?
    private var lastLogged: Duration?
    /// How many delays have been given out since a link has held.
    package private(set) var attempts = 0
    /// How often a link was lost, or could not be opened, so far.
    package private(set) var failures = 0

    package init(backoff: Backoff, steadyAfter: Duration) {
        self.backoff = backoff
        self.steadyAfter = steadyAfter
    }

    /// There is a link.
    ///
    /// - Parameter now: by the connection's clock.
    package mutating func opened(at now: Duration) {
        openedAt = now
    }

    /// The link is lost, or could not be opened.
    ///
    /// - Returns: whether the log has to say so aloud: once a minute at most.
    package mutating func failed(at now: Duration) -> Bool {
        failures += 1
        if let openedAt, now - openedAt >= steadyAfter { attempts = 0 }
        openedAt = nil
        if let lastLogged, now - lastLogged < .seconds(60) { return false }
        lastLogged = now
        return true
    }

    /// How long to wait before the next attempt; `nil` if there is to be none.
    package mutating func nextDelay(using generator: inout some RandomNumberGenerator) -> Duration? {
        guard let delay = backoff.delay(before: attempts, using: &generator) else { return nil }
        attempts += 1
        return delay
    }
}
