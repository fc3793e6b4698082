import Martlet

/// What is published if the connection is lost.
///
/// Redis knows no wills. So the will lies at the server under a lease, and every Martlet connection publishes, from
/// time to time, those whose lease is over.
extension RedisSession {
    private static let keys = ["{martlet.wills}", "{martlet.wills}.contents"].map { Array($0.utf8) }

    private static let slot = ClusterSlot.slot(of: keys[0])

    private var lease: [UInt8] { Array(String(max(1, options.lease.wholeMilliseconds)).utf8) }
    private var id: [UInt8] { Array(willID.utf8) }

    func storeWill() async throws {
        guard let will = options.connection.will else { return }
        if will.retain {
            throw MessagingError(.unsupported, "Redis keeps no message of a topic, and so no will either")
        }
        let message = will.message
        let body = try runtime.wire.publication(message)
        let topic = Array(will.topic.text(in: .dotted).utf8)
        let reply = try await perform(
            [script(Scripts.storeWill, keys: Self.keys, [id, lease, topic, body])],
            slot: Self.slot
        )
        if let error = reply.error { throw error.asMessagingError("the will") }
    }

    /// Shows that this connection is alive, and publishes the wills of those that are not.
    func renewWill() async throws {
        let id = options.connection.will == nil ? [] : id
        let reply = try await perform([script(Scripts.renewWill, keys: Self.keys, [id, lease])], slot: Self.slot)
        if let error = reply.error { throw error.asMessagingError("a will") }
    }

    func dropWill() async throws {
        guard options.connection.will != nil else { return }
        _ = try await perform([script(Scripts.dropWill, keys: Self.keys, [id])], slot: Self.slot)
    }
}
