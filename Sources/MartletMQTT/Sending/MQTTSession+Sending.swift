import Martlet
import MartletTransport
import Synchronization

/// Messages on their way to the loop. From any thread.
extension MQTTSession {
    /// Hands a message to the loop, once there is room; its confirmation tells the rest.
    nonisolated func put(_ outgoing: Outgoing) async throws {
        try Task.checkCancellation()
        try limits.withLock { try $0.check(outgoing) }
        // It waits for room until it has expired.
        let limit = WaitLimit(outgoing.expiry, of: runtime.timers)
        try await outlet.outbox.put(outgoing, bytes: outgoing.bytes, limit: limit)
    }

    /// Hands a message to the loop; with a guarantee, returns when the broker has confirmed it.
    nonisolated func transmit(_ outgoing: Outgoing) async throws -> PublishReason? {
        try Task.checkCancellation()
        try limits.withLock { try $0.check(outgoing) }
        guard let confirmation = outgoing.confirmation else {
            try await sendUnguaranteed(outgoing)
            return nil
        }
        let timer = expire(outgoing)
        defer { if let timer { runtime.timers.cancel(timer) } }
        try await put(outgoing)
        return try await confirmation.value()
    }

    /// Hands a message to the loop; with a guarantee, what it returns waits for the broker's word.
    nonisolated func begin(
        _ outgoing: Outgoing,
        _ check: @escaping @Sendable (Result<PublishReason, any Error>) throws -> Void = { _ = try $0.get() }
    ) async throws -> Confirmation {
        guard let confirmation = outgoing.confirmation else {
            _ = try await transmit(outgoing)
            return .confirmed
        }
        let timer = expire(outgoing)
        do {
            try await put(outgoing)
        } catch {
            if let timer { runtime.timers.cancel(timer) }
            throw error
        }
        return Confirmation(confirmation, timer: timer, of: runtime.timers, check: check)
    }

    /// Ends the wait for a message's confirmation when the message has expired.
    nonisolated func expire(_ outgoing: Outgoing) -> Timers.ID? {
        guard let expiry = outgoing.expiry, let deadline = outgoing.deadline, let confirmation = outgoing.confirmation
        else { return nil }
        return runtime.timers.schedule(at: deadline) {
            confirmation.end(
                .failure(MessagingError(.timeout, "the broker did not confirm the message within \(expiry)"))
            )
        }
    }

    private nonisolated func sendUnguaranteed(_ outgoing: Outgoing) async throws {
        let limit = WaitLimit(outgoing.expiry, of: runtime.timers)
        try await outlet.put(outgoing, bytes: outgoing.bytes, limit: limit) { countOffline(outgoing) }
    }

    nonisolated func countOffline(_ outgoing: Outgoing) {
        runtime.count(\.droppedOffline, "a message to \(outgoing.topic) was dropped while there was no link")
    }
}
