import Martlet
import MartletTransport

/// Messages that tasks hand to the loop, from any thread.
extension AMQPSession {
    /// Hands a message to the loop; if it is to be confirmed, returns when the broker has.
    nonisolated func transmit(_ outgoing: Outgoing, expiry: Duration? = nil) async throws {
        try await begin(outgoing, expiry: expiry).wait()
    }

    /// Hands a message to the loop; if it is to be confirmed, what it returns waits for that.
    nonisolated func begin(_ outgoing: Outgoing, expiry: Duration? = nil) async throws -> Confirmation {
        try Task.checkCancellation()
        var outgoing = outgoing
        outgoing.deadline = expiry.map { runtime.timers.now + $0 }
        guard let confirmation = outgoing.confirmation else {
            try await sendUnguaranteed(outgoing, expiry)
            return .confirmed
        }
        if !outgoing.isKept, runtime.states.state != .connected { throw notConnected }
        let timer = expiry.map { end(confirmation, after: $0) }
        do {
            try await enqueue(outgoing, expiry)
        } catch {
            if let timer { runtime.timers.cancel(timer) }
            throw error
        }
        // The link may have gone just before, and nobody would tell.
        if !outgoing.isKept { bell.ring() }
        return Confirmation(confirmation, timer: timer, of: runtime.timers)
    }

    /// Hands the request of a call to the loop. What becomes of it is told by the call.
    nonisolated func beginCall(_ outgoing: Outgoing, expiry: Duration?) async throws {
        try Task.checkCancellation()
        // If the link goes from here on all calls fail, and with them this one, which is not sent by the next link.
        guard runtime.states.state == .connected else { throw notConnected }
        try await enqueue(outgoing, expiry)
    }

    /// Puts a message into the outbox, waiting for room until it has expired.
    private nonisolated func enqueue(_ outgoing: Outgoing, _ expiry: Duration?) async throws {
        try await outlet.outbox.put(outgoing, bytes: outgoing.bytes, limit: WaitLimit(expiry, of: runtime.timers))
    }

    /// Hands the loop a message that nobody waits for.
    nonisolated func post(_ outgoing: Outgoing) async throws {
        try Task.checkCancellation()
        try await sendUnguaranteed(outgoing, nil)
    }

    private nonisolated var notConnected: MessagingError {
        runtime.states.state == .closed ? .closed : .offline
    }

    private nonisolated func end(_ confirmation: Promise<Void>, after expiry: Duration) -> Timers.ID {
        runtime.timers.schedule(at: runtime.timers.now + expiry) {
            confirmation.end(
                .failure(MessagingError(.timeout, "the broker did not confirm the message within \(expiry)"))
            )
        }
    }

    private nonisolated func sendUnguaranteed(_ outgoing: Outgoing, _ expiry: Duration?) async throws {
        let limit = WaitLimit(expiry, of: runtime.timers)
        try await outlet.put(outgoing, bytes: outgoing.bytes, limit: limit) { countOffline(outgoing) }
    }

    nonisolated func countOffline(_ outgoing: Outgoing) {
        runtime.count(\.droppedOffline, "a message to \(outgoing.destination) was dropped while there was no link")
    }
}
