import Logging
import Martlet

/// Getting a link, again and again.
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

    func tryAgain() {
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
            let limit = WaitLimit(keeper.options.connectTimeout, of: runtime.timers)
            return try await Resolver.addresses(of: host, port: port, limit: limit).map { .tcp($0, host: host) }
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
