import Logging
package import Martlet

/// Gets the link of a session, keeps it, and ends it: servers and their addresses, time limits, delays, and one farewell for
/// all who close. What is particular to a protocol is the session's.
///
/// It belongs to its session's loop. All time that it measures is the connection's clock's.
package final class LinkKeeper {
    package let options: LinkOptions
    fileprivate var lifecycle = LinkLifecycle()
    fileprivate var history: LinkHistory
    /// Told how the attempt at the present address ends.
    fileprivate var opening: Promise<Void>?
    /// Why the link was lost before it was restored.
    fileprivate var failure: (any Error)?
    /// Why the latest link failed.
    fileprivate var lastError: MessagingError?
    /// Tries to get the link back. Owned: it ends with the link, and is cancelled by the farewell.
    fileprivate var reconnecting: Task<Void, Never>?
    /// Says goodbye and ends everything. Owned: it is the end of the session, which it keeps until then, and within
    /// seconds. There is one, whoever closes and however often.
    fileprivate var farewell: Task<Void, Never>?
    /// Told of progress in writing, by the farewell.
    fileprivate var writing: Promise<Void>?
    fileprivate var hasEnded = false

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

// MARK: What the session tells

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

    private func asMessagingError(_ error: any Error) -> MessagingError {
        error as? MessagingError ?? MessagingError(.connectionLost, "the link is lost", cause: error)
    }

    /// Does what follows from an event at once. What takes time is left to the caller.
    ///
    /// - Parameter error: why the link is lost.
    private func follow(_ event: LinkLifecycle.Event, _ error: MessagingError? = nil) -> [LinkLifecycle.Action] {
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
    private func note(_ error: MessagingError, _ text: String? = nil) {
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

// MARK: Getting a link

extension LinkSession {
    /// Opens the first link, or leaves that to the task that tries on.
    ///
    /// - Throws: why the last server that was tried could not be connected to.
    package func connect() async throws {
        do {
            try await openAndRestore()
        } catch  where runtime.options.whenUnreachable.triesOn(after: error) {
            note(asMessagingError(error), "the \(keeper.options.peer) can't be reached yet; trying on")
            tryAgain()
        } catch {
            await close()
            throw error
        }
    }

    private func tryAgain() {
        keeper.reconnecting = Task { [previous = keeper.reconnecting] in
            // It may still be busy with what the link that is lost should have.
            previous?.cancel()
            await previous?.value
            await reconnect()
        }
    }

    private func reconnect() async {
        var generator = SystemRandomNumberGenerator()
        while !Task.isCancelled {
            guard let delay = keeper.history.nextDelay(using: &generator) else { return await giveUp() }
            do {
                try await runtime.timers.sleep(for: delay)
                try await openAndRestore()
                return await linkIsBack()
            } catch is CancellationError {
                return
            } catch {
                if !Task.isCancelled { note(asMessagingError(error)) }
            }
        }
    }

    private func giveUp() async {
        let attempts = keeper.history.attempts
        let reason = keeper.lastError.map { ": \($0.message)" } ?? ""
        let error = MessagingError(
            .connectionLost,
            "the link could not be restored in \(attempts) attempts\(reason)",
            cause: keeper.lastError
        )
        runtime.logger.error("the connection is closed: \(error)")
        _ = follow(.exhausted)
        await finish(error)
    }

    private func openAndRestore() async throws {
        guard follow(.connect).contains(.open) else { throw MessagingError.closed }
        do {
            try await openAny()
            try await restore()
        } catch {
            let error = Task.isCancelled ? error : keeper.failure ?? error
            keeper.failure = nil
            let wasAccepted = keeper.state == .restoring
            _ = follow(.failed)
            if wasAccepted { linkIsLost(asMessagingError(error)) }
            throw error
        }
        keeper.history.opened(at: runtime.timers.now)
        linkIsOpen()
    }

    /// Tries each server's addresses in turn until one accepts.
    private func openAny() async throws {
        var failure: any Error = MessagingError.offline
        for server in keeper.options.servers {
            do {
                for endpoint in try await endpoints(of: server) {
                    do {
                        return try await open(endpoint)
                    } catch let error as MessagingError {
                        // A broker that answers no speaks for its other addresses as well.
                        if error.code == .refused, !error.isRetriable { throw error }
                        failure = error
                    }
                }
            } catch let error as MessagingError {
                failure = error
            }
        }
        throw failure
    }

    private func endpoints(of server: LinkOptions.Server) async throws -> [Endpoint] {
        switch server {
        case .unix(let path):
            return [.unix(path: path)]
        case .tcp(let host, let port):
            // The system looks up by its own time.
            let deadline = ContinuousClock.now + keeper.options.connectTimeout
            return try await Resolver.addresses(of: host, port: port, deadline: deadline).map { .tcp($0, host: host) }
        }
    }

    private func open(_ endpoint: Endpoint) async throws {
        guard keeper.state == .opening else { throw MessagingError.closed }
        try Task.checkCancellation()
        let promise = Promise<Void>()
        keeper.opening = promise
        let limit = keeper.options.connectTimeout
        let timer = runtime.timers.schedule(at: runtime.timers.now + limit) {
            promise.end(.failure(MessagingError(.timeout, "it gave no answer within \(limit)")))
        }
        defer { runtime.timers.cancel(timer) }
        do {
            try openLink(to: endpoint)
            try await promise.value()
        } catch {
            releaseLink()
            throw described(error, endpoint)
        }
    }

    private func described(_ error: any Error, _ endpoint: Endpoint) -> any Error {
        guard let error = error as? MessagingError else { return error }
        return MessagingError(
            error.code,
            "could not connect to \(endpoint): \(error.message)",
            cause: error.cause,
            isRetriable: error.isRetriable
        )
    }

    private func restore() async throws {
        let limit = keeper.options.restoreTimeout
        let timer = runtime.timers.schedule(at: runtime.timers.now + limit) { [weak self, bell] in
            bell.execute { [weak self] in self?.assumeIsolated { $0.restoringTakesTooLong(limit) } }
        }
        defer { runtime.timers.cancel(timer) }
        if keeper.state == .restoring { try await restoreLink() }
        // It may have been lost meanwhile.
        guard follow(.restored).contains(.tell(.connected)) else { throw MessagingError.offline }
    }

    private func restoringTakesTooLong(_ limit: Duration) {
        guard keeper.state == .restoring else { return }
        linkFailed(
            MessagingError(.timeout, "the \(keeper.options.peer) did not restore the subscriptions within \(limit)")
        )
    }
}

// MARK: The end

/// How long what was accepted may take to be written when a connection is closed, and the goodbye after that: the other side
/// may read nothing any more.
private let farewellTime = (written: Duration.seconds(5), said: Duration.seconds(2))

extension LinkSession {
    /// Sends what was accepted, says goodbye to the broker and ends everything. All who call it return when that is done;
    /// cancellation does not shorten it.
    package func close() async {
        bidFarewell()
        await keeper.farewell?.value
    }

    /// Closes without waiting, because nobody holds the connection any more. From any thread. What has ended is left alone.
    package nonisolated func abandon() {
        bell.execute { [self] in
            assumeIsolated { $0.bidFarewell() }
        }
    }

    private func bidFarewell() {
        guard keeper.farewell == nil else { return }
        keeper.farewell = Task {
            // Without a link there is nobody to tell.
            if keeper.state == .open { await runtime.sendNotices() }
            await sayEverything()
            await finish(.closed)
        }
    }

    private func sayEverything() async {
        var actions = follow(.closeAsked)
        // It would take a link that is being restored for one that has failed, if it were cancelled before.
        keeper.reconnecting?.cancel()
        if actions.contains(.drain) {
            await write(
                until: runtime.timers.now + farewellTime.written,
                while: { keeper.state == .draining && hasUnwritten }
            ) { writeAccepted() }
            actions = follow(.written)
        }
        // The task that restores the link, or tends it, lets go of it first.
        await keeper.reconnecting?.value
        guard actions.contains(.sayGoodbye), keeper.state == .closing else { return }
        await sayGoodbye(until: runtime.timers.now + farewellTime.said)
        _ = follow(.dropped)
    }

    /// Writes, and waits for progress, as long as a condition holds and it is not too late. For the farewell alone.
    package func write(until deadline: Duration, while isUnfinished: () -> Bool, _ write: () -> Void) async {
        while isUnfinished(), runtime.timers.now < deadline {
            let progress = Promise<Void>()
            keeper.writing = progress
            let timer = runtime.timers.schedule(at: deadline) { progress.end(.success(())) }
            write()
            if isUnfinished() { _ = try? await progress.value() }
            runtime.timers.cancel(timer)
        }
        keeper.writing = nil
    }

    /// Ends everything, for good; returns when nothing is left running.
    private func finish(_ error: MessagingError) async {
        let isFirst = !keeper.hasEnded
        keeper.hasEnded = true
        if isFirst {
            keeper.opening?.end(.failure(error))
            bell.silence()
            end(error)
        }
        await runtime.close(error)
        if isFirst { await loop.close() }
    }
}
