import Logging
import Martlet
import MartletIO

/// Getting the link, keeping it, and noticing that it is gone.
extension AMQPSession {
    /// Opens the first link.
    ///
    /// - Throws: why the last server that was tried could not be connected to.
    func connect() async throws {
        do {
            try await openLink()
            try await established()
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
            let link = try Link(to: address, tls: tls[server.host])
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

    // MARK: Events

    /// Does something with the link, and then what follows from it: what there is to write is written, as far as that
    /// goes, and the socket watched for what is wanted now; or the link is found to be lost.
    func attend(_ body: () throws -> Void) {
        guard let link else { return }
        do {
            try body()
            try link.flush()
        } catch {
            linkFailed(error)
            return
        }
        updateInterest()
    }

    private func updateInterest() {
        guard let watch, !watch.isCancelled, let link else { return }
        var interest = link.interest
        if isDeaf { interest.remove(.read) }
        watch.interest = interest
    }

    private func socketReady() {
        attend {
            guard let link, try link.advance() else { return }
            try link.flush()
            defer { readAll() }
            let hasMore = try link.read { input, channel in
                // What was read before may have ended the link.
                guard self.link === link else { throw MessagingError(.connectionLost, "the link is over") }
                try received(input, on: channel)
            }
            // After the others on this loop.
            if hasMore { readOn() }
        }
        // A confirmation makes room for the next publish, and so does what was written.
        if case .open = phase { attend { try send() } }
        writing?.end(.success(()))
    }

    private func readOn() {
        hasUnread = true
        bell.ring()
    }

    /// Reads on where TLS has more than was taken last, of which the socket says nothing.
    func readRest() {
        guard hasUnread, !isDeaf else { return }
        hasUnread = false
        socketReady()
    }

    private func received(_ input: Link.Input, on number: UInt16) throws {
        guard number != 0 else {
            guard case .method(let method) = input else { throw FrameParser.broken("a message comes on no channel") }
            return try received(method)
        }
        // A channel that was closed, from either side, may still have something under way.
        guard let channel = channels[number] else { return }
        switch input {
        case .method(let method):
            try received(method, on: channel)
        case .header(let properties, let bodySize):
            if let content = try channel.assembly.header(properties, bodySize: bodySize) {
                try received(content, on: channel)
            }
        case .body(let bytes):
            if let content = try channel.assembly.body(bytes) { try received(content, on: channel) }
        }
    }

    /// Methods of the connection itself.
    private func received(_ method: ServerMethod) throws {
        switch phase {
        case .opening(let promise):
            guard var handshake else { return }
            let step = try handshake.receive(method)
            self.handshake = handshake
            switch step {
            case .send(let methods):
                for method in methods { try link?.append(method, channel: 0) }
            case .tuned(let methods, let agreement):
                for method in methods { try link?.append(method, channel: 0) }
                link?.agree(frameMax: agreement.frameMax)
            case .done(let agreement):
                self.handshake = nil
                phase = .restoring
                promise.end(.success(agreement))
            }
        case .restoring, .open, .closing:
            switch method {
            case .blocked(let reason): setBlocked(reason)
            case .unblocked: setBlocked(nil)
            case .connectionCloseOK:
                if case .closing(let farewell) = phase { farewell.end(.success(())) }
            case .connectionClose(let close):
                try link?.append(.connectionCloseOK, channel: 0)
                try link?.flush()
                throw MessagingError(connectionClose: close)
            default: throw FrameParser.broken("a method of a channel comes on none")
            }
        case .idle, .closed: break
        }
    }

    private func readAll() {
        let read = channelsRead
        channelsRead.removeAll(keepingCapacity: true)
        for channel in read {
            channel.hasRead = false
            if channels[channel.number] === channel { channel.owner?.readAll(on: channel, of: self) }
        }
    }

    private func setBlocked(_ reason: String?) {
        blockedReason = reason
        events.set(blocked: reason)
        if let reason {
            runtime.logger.warning("the broker takes no publishes at the moment: \(quoted(reason))")
        } else {
            runtime.logger.info("the broker takes publishes again")
        }
    }

    private func scheduleTick() {
        ticker?.cancel()
        guard let heartbeat else { return }
        ticker = loop.schedule(after: heartbeat.tick) { [weak self] in
            self?.assumeIsolated { $0.tick() }
        }
    }

    private func tick() {
        guard let link,
            let verdict = heartbeat?.check(
                read: link.bytesRead,
                written: link.bytesWritten,
                isDeaf: isDeaf,
                now: .now
            )
        else { return }
        scheduleTick()
        attend {
            switch verdict {
            case .nothing: break
            // One that waits to be written is enough: what says that we are here is that anything is.
            case .send: if !link.wantsToWrite { link.appendHeartbeat() }
            case .dead:
                throw MessagingError(.connectionLost, "nothing was heard of the broker for two heartbeats")
            }
        }
    }

    // MARK: The link is lost

    private func linkFailed(_ error: any Error) {
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

    private func endChannels(_ error: MessagingError) {
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
    private func abandonLink() {
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

    // MARK: The end

    /// Says goodbye to the broker and ends everything.
    func close() async {
        reconnecting?.cancel()
        await sendAccepted()
        if let farewell = sayGoodbye() {
            // The other side may read nothing.
            let timer = loop.schedule(after: .seconds(1)) { farewell.end(.success(())) }
            // Not by the task that closes, which may have been cancelled: this has to run all the same.
            await Task { _ = try? await farewell.value() }.value
            timer.cancel()
        }
        await finish(MessagingError.closed)
    }

    /// Ends everything without waiting, because nobody holds the connection any more. From any thread.
    nonisolated func abandon() {
        loop.execute { [self] in
            assumeIsolated { session in
                session.reconnecting?.cancel()
                _ = session.sayGoodbye()
                if session.end(MessagingError.closed) { session.loop.closeSoon() }
            }
        }
    }

    /// Returns when what was accepted is sent, or after five seconds: the other side may read nothing.
    private func sendAccepted() async {
        let deadline = ContinuousClock.now + .seconds(5)
        while hasUnsent, .now < deadline {
            let progress = Promise<Void>()
            writing = progress
            let timer = loop.schedule(at: deadline) { progress.end(.success(())) }
            attend {
                try settle()
                try send()
            }
            // Not by the task that closes, which may have been cancelled: this has to run all the same.
            if hasUnsent { await Task { _ = try? await progress.value() }.value }
            timer.cancel()
        }
        writing = nil
    }

    private var hasUnsent: Bool {
        guard case .open = phase, blockedReason == nil, let link else { return false }
        return link.wantsToWrite || outbox.count > 0 || !waiting.isEmpty
    }

    /// Says that this is the end.
    private func sayGoodbye() -> Promise<Void>? {
        if case .open = phase {
            attend {
                try settle()
                try send()
            }
        }
        guard isUp, let link else { return nil }
        will?.withdraw(self)
        for consumer in consumers.values { (consumer as? TopicConsumer)?.leave(self) }
        let farewell = Promise<Void>()
        phase = .closing(farewell)
        attend { try link.append(.connectionClose(code: 200, text: "done"), channel: 0) }
        return farewell
    }

    /// Ends everything, for good; returns when nothing is left running.
    private func finish(_ error: MessagingError) async {
        guard end(error) else { return }
        await runtime.close(error)
        await loop.close()
    }

    /// - Returns: whether it had not ended before.
    private func end(_ error: MessagingError) -> Bool {
        if case .closed = phase { return false }
        if case .opening(let promise) = phase { promise.end(.failure(error)) }
        phase = .closed
        abandonLink()
        for channel in channels.values { channel.settler.end(.closed) }
        endChannels(error)
        failOutgoing(error)
        for consumer in consumers.values { consumer.finish(throwing: error.code == .connectionClosed ? nil : error) }
        consumers.removeAll()
        for native in natives.values { native.finish(throwing: error.code == .connectionClosed ? nil : error) }
        natives.removeAll()
        events.finish()
        return true
    }
}
