import Martlet

/// What is left of callers that have died.
///
/// The service of another library pushes its reply to the list that it was told, whether or not there is anyone left to
/// take it, and gives that list no end. So each connection that has reply lists is on a list of owners, until a time
/// after its lease; every Martlet connection looks, from time to time, whether somebody's time is over, and deletes what
/// lies in that one's lists.
extension RedisSession {
    private static let owners = Array("{martlet.owners}".utf8)
    private static let ownersSlot = ClusterSlot.slot(of: owners)

    private var lease: [UInt8] { Array(String(max(1, options.lease.wholeMilliseconds)).utf8) }

    /// How long an owner is remembered after its last sign of life, in milliseconds: its lease, and the time in which
    /// replies may still come.
    private var memory: [UInt8] {
        Array(String(max(1, (options.lease + options.replyExpiry).wholeMilliseconds)).utf8)
    }

    private var renewal: [[UInt8]] {
        let own = receiveReply == nil ? nil : calls.base
        return script(Scripts.renewOwner, keys: [Self.owners], [Array((own ?? "").utf8), memory, lease])
    }

    /// From now on there are reply lists.
    func beginToOwn() throws {
        try perform(Request([renewal], slot: Self.ownersSlot, .handler { _ in }))
    }

    /// Shows that this connection is alive, and deletes the reply lists of those that are not.
    func renewOwner() async throws {
        let reply = try await perform([renewal], slot: Self.ownersSlot)
        if let error = reply.error { throw error.asMessagingError("the owners of reply lists") }
        for owner in reply.array ?? [] {
            guard let base = owner.string, base != calls.base else { continue }
            try await deleteLists(of: base)
            try await forgetOwner(base)
        }
    }

    /// How many lists an owner had nobody knows. It is looked for them, once an owner.
    private func deleteLists(of base: String) async throws {
        let slot = ClusterSlot.slot(of: Array("{\(base)}".utf8))
        // Where a cluster keeps them it says to who asks for a key.
        _ = try await perform("EXISTS", ReplyNames.list(base, 1), slot: slot)
        var cursor = "0"
        repeat {
            let page = try await perform("SCAN", cursor, "MATCH", ReplyNames.lists(base), "COUNT", "500", slot: slot)
            guard let parts = page.array, parts.count == 2, let next = parts[0].string else { return }
            let found = parts[1].array?.compactMap(\.bytes) ?? []
            if !found.isEmpty { _ = try await perform([[Command.unlink] + found], slot: slot) }
            cursor = next
        } while cursor != "0"
    }

    /// There are no reply lists any more.
    func ceaseToOwn() async throws {
        if let base = calls.base { try await forgetOwner(base) }
    }

    private func forgetOwner(_ base: String) async throws {
        _ = try await perform([[Command.zrem, Self.owners, Array(base.utf8)]], slot: Self.ownersSlot)
    }
}
