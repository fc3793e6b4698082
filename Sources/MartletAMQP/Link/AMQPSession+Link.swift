import Logging
import Martlet
import MartletTransport

/// Getting the link, keeping it, and noticing that it is gone.
extension AMQPSession {
    /// Opens the first link, or leaves that to the task that tries on.
    ///
    /// - Throws: why the last server that was tried could not be connected to.
    func connect() async throws {
        do {
            try await openLink()
            try await established()
        } catch  where options.connection.whenUnreachable.triesOn(after: error) {
            runtime.logger.warning("the broker can't be reached yet; trying on: \(error)")
            reconnecting = Task { await reconnect() }
        } catch {
            await close()
            throw error
        }
    }

    /// Tries each server's addresses in turn until one accepts.
    private func openLink() async throws {
        var failure: any Error = MessagingError.offline
        for server in options.servers {
            do {
                let addresses = try await Resolver.addresses(
                    of: server.host,
                    port: server.port,
                    deadline: .now + options.connectTimeout
                )
                for address in addresses {
                    do {
                        return try await openLink(to: address, of: server)
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

    private func openLink(to address: SocketAddress, of server: AMQPOptions.Server) async throws {
        if case .closed = phase { throw MessagingError.closed }
        try Task.checkCancellation()
        let promise = Promise<Handshake.Agreement>()
        phase = .opening(promise)
        handshake = Handshake(options, name: runtime.name)
        let timer = loop.schedule(after: options.connectTimeout) { [options] in
            promise.end(
                .failure(
                    MessagingError(
                        .timeout,
                        "\(server.host) at \(address) gave no answer within \(options.connectTimeout)"
                    )
                )
            )
        }
        defer { timer.cancel() }
        do {
            let link = try Link(to: .tcp(address, host: server.host), tls: tls[server.host])
            link.appendProtocolHeader()
            self.link = link
            watch = loop.watch(link.socket, for: link.interest) { [weak self] _ in
                self?.assumeIsolated { $0.socketReady() }
            }
            agreement = try await promise.value()
        } catch {
            abandonLink()
            if case .opening = phase { phase = .idle }
            guard let error = error as? MessagingError else { throw error }
            throw MessagingError(
                error.code,
                "could not connect to \(server.host) at \(address): \(error.message)",
                cause: error.cause,
                isRetriable: error.isRetriable
            )
        }
    }

    /// A link has been accepted: what was open on the one before is opened again.
    private func established() async throws {
        guard let link, let agreement else { throw MessagingError.offline }
        if let interval = agreement.heartbeat {
            heartbeat = LinkHeartbeat(interval: interval, now: .now)
            scheduleTick()
        }
        try await restore()
        // It may have been lost meanwhile.
        guard case .restoring = phase, self.link === link else { throw MessagingError.offline }
        phase = .open
        runtime.states.set(.connected)
        attend { try send() }
    }

    // MARK: The link is lost

    func linkFailed(_ error: any Error) {
        switch phase {
        case .opening(let promise):
            var error = error
            if let hint = handshake?.silentEnd, (error as? MessagingError)?.code == .connectionLost {
                error = MessagingError(.connectionLost, "the broker ended the link; \(hint)", cause: error)
            }
            promise.end(.failure(error))
            abandonLink()
        case .restoring:
            phase = .idle
            abandonLink()
            linkLost(error)
        case .open:
            phase = .idle
            abandonLink()
            linkLost(error)
            reconnecting = Task { [previous = reconnecting] in
                // It may still be declaring what the link that is lost should have.
                previous?.cancel()
                await previous?.value
                await reconnect()
            }
        case .closing(let farewell):
            farewell.end(.success(()))
            abandonLink()
        case .idle, .closed:
            abandonLink()
        }
        writing?.end(.success(()))
    }

    private func linkLost(_ error: any Error) {
        runtime.logger.info("the link to the broker is lost: \(error)")
        let lost = error as? MessagingError
        endChannels(
            lost.map { MessagingError(.connectionLost, $0.message, cause: $0.cause) }
                ?? MessagingError(.connectionLost, "the link to the broker is lost", cause: error)
        )
        if case .connected = runtime.states.state {
            runtime.linkLost(
                MessagingError(
                    .connectionLost,
                    "the link was lost while the call waited for its reply",
                    // The broker's reply code, if that was the reason.
                    cause: lost?.cause ?? error
                )
            )
        }
        dropUnguaranteed()
    }

    func endChannels(_ error: MessagingError) {
        knownQueues.removeAll()
        undeclared = 0
        let ended = channels.values.sorted { $0.number < $1.number }
        for channel in ended {
            takeBackUnconfirmed(of: channel, error)
            end(channel, error, linkIsLost: true)
        }
        channels.removeAll()
    }

    /// Lets go of the socket, without a word to the broker.
    func abandonLink() {
        watch?.cancel()
        watch = nil
        ticker?.cancel()
        ticker = nil
        heartbeat = nil
        handshake = nil
        link = nil
        channelsRead.removeAll()
        if blockedReason != nil { setBlocked(nil) }
    }

    private func reconnect() async {
        var attempt = 0
        while !Task.isCancelled {
            guard let delay = options.reconnect.delay(before: attempt) else {
                runtime.logger.error("the link could not be restored in \(attempt) attempts: the connection is closed")
                return await finish(
                    MessagingError(.connectionLost, "the link could not be restored in \(attempt) attempts")
                )
            }
            attempt += 1
            do {
                try await runtime.timers.sleep(for: delay)
                try await openLink()
                try await established()
                return await declareTheRest()
            } catch is CancellationError {
                return
            } catch {
                runtime.logger.debug("attempt \(attempt) to restore the link failed: \(error)")
            }
        }
    }
}
