import Logging
import Martlet
import MartletTransport

/// What the socket and the heartbeat have to say.
extension AMQPSession {
    /// Does something with the link, and then what follows from it: what there is to write is written, as far as that
    /// goes, and the socket watched for what is wanted now; or the link is found to be lost.
    func attend(_ body: () throws -> Void) {
        guard let link = wire.link else { return }
        let isInner = link.isAttended
        link.isAttended = true
        defer { link.isAttended = isInner }
        do {
            try body()
            if wire.flush() { bell.ring() }
            // The outermost finds out, which may be reading.
            if !isInner, wire.link === link, let failure = link.writeFailure { throw lastWord(on: link) ?? failure }
        } catch {
            failed(error)
            return
        }
        wire.updateInterest(reads: !isDeaf)
    }

    /// Whether the socket is not read, because readers are far behind.
    var isDeaf: Bool { consuming.isDeaf(self) }

    func socketReady() {
        attend {
            guard let link = wire.link, try link.advance() else { return }
            link.flush()
            guard link.writeFailure == nil else { return }
            // After the others on this loop.
            if try read(link) { readOn() }
            if link.takePause() { loop.pause() }
        }
        // A confirmation makes room for the next publish, and so does what was written.
        if canPublish { attend { try publishing.send(self) } }
        keeper.progressed()
    }

    /// - Returns: whether there may be more; see ``Link/read(_:)``.
    private func read(_ link: Link) throws -> Bool {
        defer { channels.tellRead(self) }
        return try link.read { input, channel in
            // What was read before may have ended the link.
            guard wire.link === link else { throw MessagingError(.connectionLost, "the link is over") }
            try received(input, on: channel)
        }
    }

    /// What the broker has given as its reason before it closed the socket, which can't be written to any more. What comes
    /// before that is received as well.
    private func lastWord(on link: Link) -> MessagingError? {
        var before: Int
        repeat {
            before = link.bytesRead
            do {
                _ = try read(link)
            } catch {
                let error = error as? MessagingError
                return error?.amqpReplyCode == nil ? nil : error
            }
        } while link.bytesRead > before
        return nil
    }

    private func readOn() {
        wire.noteUnread()
        bell.ring()
    }

    /// Reads on where TLS has more than was taken last, of which the socket says nothing.
    func readRest() {
        if !isDeaf, wire.takeUnread() { socketReady() }
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
            guard try wire.shakeHands(method), linkAnswered() else { return }
            wire.startHeartbeat(self)
        case .restoring, .open, .draining, .closing:
            switch method {
            case .blocked(let reason): publishing.block(reason, self)
            case .unblocked: publishing.block(nil, self)
            case .connectionCloseOK: wire.goodbyeHeard()
            case .connectionClose(let close):
                try wire.link?.append(.connectionCloseOK, channel: 0)
                wire.link?.flush()
                throw MessagingError(connectionClose: close)
            default: throw FrameParser.broken("a method of a channel comes on none")
            }
        case .idle, .closed: break
        }
    }
}
