import Logging
import Martlet
import MartletTransport

/// What the socket and the heartbeat have to say.
extension AMQPSession {
    /// Does something with the link, and then what follows from it: what there is to write is written, as far as that
    /// goes, and the socket watched for what is wanted now; or the link is found to be lost.
    func attend(_ body: () throws -> Void) {
        guard let link else { return }
        do {
            try body()
            try link.flush()
            // It has got room in this very moment, and so will not tell of it.
            if isHeldUp, !link.wantsToWrite {
                isHeldUp = false
                bell.ring()
            }
        } catch {
            failed(error)
            return
        }
        updateInterest()
    }

    private func updateInterest() {
        guard let watch, !watch.isCancelled, let link else { return }
        watch.interest = link.interest(reads: !isDeaf)
    }

    func socketReady() {
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
        if canPublish { attend { try send() } }
        keeper.progressed()
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
        case .header(let header):
            if let content = try channel.assembly.header(header) {
                try received(content, on: channel)
            }
        case .body(let bytes):
            if let content = try channel.assembly.body(bytes) { try received(content, on: channel) }
        }
    }

    /// Methods of the connection itself.
    private func received(_ method: ServerMethod) throws {
        switch keeper.state {
        case .opening:
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
                established(agreement)
            }
        case .restoring, .open, .draining, .closing:
            switch method {
            case .blocked(let reason): setBlocked(reason)
            case .unblocked: setBlocked(nil)
            case .connectionCloseOK:
                goodbye?.end(.success(()))
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

    func setBlocked(_ reason: String?) {
        let isDue = blockage.change(to: reason, at: runtime.timers.now)
        events.set(blocked: reason)
        if let reason {
            let text = "the broker takes no publishes at the moment: \(quoted(reason))"
            runtime.logger.log(level: isDue ? .warning : .debug, "\(text)")
        } else {
            runtime.logger.log(level: isDue ? .info : .debug, "the broker takes publishes again")
        }
    }

    func scheduleTick() {
        if let ticker { runtime.timers.cancel(ticker) }
        guard let heartbeat else { return }
        ticker = later(after: heartbeat.tick) { $0.tick() }
    }

    private func tick() {
        guard let link,
            let verdict = heartbeat?.check(
                read: link.bytesRead,
                written: link.bytesWritten,
                isDeaf: isDeaf,
                now: runtime.timers.now
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
}
