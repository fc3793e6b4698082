import Martlet
import MartletTransport

/// The end of a session.
extension AMQPSession {
    /// Says goodbye to the broker and ends everything.
    func close() async {
        reconnecting?.cancel()
        await runtime.sendNotices()
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
                guard session.end(MessagingError.closed) else { return }
                session.runtime.states.set(.closed)
                session.loop.closeSoon()
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
        for consumer in consumers.values { consumer.sayGoodbye(self) }
        let farewell = Promise<Void>()
        phase = .closing(farewell)
        attend { try link.append(.connectionClose(code: 200, text: "done"), channel: 0) }
        return farewell
    }

    /// Ends everything, for good; returns when nothing is left running.
    func finish(_ error: MessagingError) async {
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
