import Logging
package import Martlet

/// Gets the link of a session, keeps it, and ends it: servers and their addresses, time limits, delays, and one farewell for
/// all who close. What is particular to a protocol is the session's.
///
/// It belongs to its session's loop. All time that it measures is the connection's clock's.
package final class LinkKeeper {
    package let options: LinkOptions
    var lifecycle = LinkLifecycle()
    var history: LinkHistory
    /// Told how the attempt at the present address ends.
    var opening: Promise<Void>?
    /// Why the link was lost before it was restored.
    var failure: (any Error)?
    /// Why the latest link failed.
    var lastError: MessagingError?
    /// Tries to get the link back. Owned: it ends with the link, and is cancelled by the farewell.
    var reconnecting: Task<Void, Never>?
    /// Says goodbye and ends everything. Owned: it is the end of the session, which it keeps until then, and within
    /// seconds. There is one, whoever closes and however often.
    var farewell: Task<Void, Never>?
    /// Told of progress in writing, by the farewell.
    var writing: Promise<Void>?
    var hasEnded = false

    package init(_ options: LinkOptions, _ connection: ConnectionOptions) {
        self.options = options
        history = LinkHistory(backoff: options.reconnect, steadyAfter: connection.steadyAfter)
    }

    package var state: LinkLifecycle.State { lifecycle.state }

    /// Whether there is a link by which messages can be sent.
    package var isUp: Bool { lifecycle.isUp }

    /// Something was written, or the link is gone.
    package func progressed() {
        writing?.end(.success(()))
    }
}

/// What the session tells, and what is done at once.
extension LinkSession {
    /// The broker has accepted the link that is being opened. What the socket tells next is said of an open link.
    ///
    /// - Returns: `false` if that comes too late.
    @discardableResult
    package func linkAnswered() -> Bool {
        guard keeper.state == .opening, let opening = keeper.opening else { return false }
        keeper.failure = nil
        guard opening.end(.success(())) else { return false }
        _ = follow(.answered)
        return true
    }

    /// The link that is being opened was refused, or the one that there is has failed.
    package func linkFailed(_ error: any Error) {
        switch keeper.state {
        case .opening:
            keeper.opening?.end(.failure(error))
            releaseLink()
        case .restoring:
            // The task that restores it finds it gone, and tries again.
            keeper.failure = error
            _ = follow(.lost)
            linkIsLost(asMessagingError(error))
        case .open:
            let error = asMessagingError(error)
            let actions = follow(.lost, error)
            linkIsLost(error)
            note(error)
            if actions.contains(.wait) { tryAgain() }
        case .draining, .closing:
            _ = follow(.lost)
        case .idle, .closed:
            releaseLink()
        }
        keeper.progressed()
    }

    func asMessagingError(_ error: any Error) -> MessagingError {
        error as? MessagingError ?? MessagingError(.connectionLost, "the link is lost", cause: error)
    }

    /// Does what follows from an event at once. What takes time is left to the caller.
    ///
    /// - Parameter error: why the link is lost.
    func follow(_ event: LinkLifecycle.Event, _ error: MessagingError? = nil) -> [LinkLifecycle.Action] {
        let actions = keeper.lifecycle.handle(event)
        for action in actions {
            switch action {
            case .release: releaseLink()
            case .tell(let state): runtime.states.set(state)
            case .failCalls: failCalls(error)
            case .wait, .open, .restore, .drain, .sayGoodbye: break
            }
        }
        return actions
    }

    private func failCalls(_ error: MessagingError?) {
        let reason = error.map { ": \($0.message)" } ?? ""
        runtime.failCalls(
            MessagingError(
                .connectionLost,
                "the link was lost while the call waited for its reply\(reason)",
                cause: error?.cause ?? error
            )
        )
    }

    /// Remembers that a link has failed, and why.
    func note(_ error: MessagingError, _ text: String? = nil) {
        keeper.lastError = error
        let isDue = keeper.history.failed(at: runtime.timers.now)
        runtime.linkFailed(error)
        runtime.logger.log(
            level: isDue ? .warning : .debug,
            "\(text ?? "there is no link to the \(keeper.options.peer)"): \(error)",
            metadata: ["failures": "\(keeper.history.failures)"]
        )
    }
}
