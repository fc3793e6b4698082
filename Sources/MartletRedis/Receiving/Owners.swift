import Martlet

/// What is left of callers that are gone. On the session's loop.
///
/// The service of another library pushes its reply to the list that it was told, whether or not there is anyone left to
/// take it, and gives that list no end. So each connection that has reply lists is on a list of owners, until a time
/// after its lease; every Martlet connection looks, from time to time, whether somebody's time is over, and gives what
/// lies in that one's lists an end.
///
/// Not deleted but given an end: should the server's clock have jumped, the owner lives, and takes it before. It is then
/// on the list of owners again with its next sign of life. Several may tidy up at once, and again.
final class Owners {
    private static let key = Array("{martlet.owners}".utf8)
    private static let slot = ClusterSlot.slot(of: key)
    /// How many keys the server looks at in one go.
    private static let pageSize = 1_000

    /// Shows that this connection is alive, and tidies up behind those that are not. Nobody waits for it.
    ///
    /// - Parameter hasLists: whether this connection has reply lists.
    func renew(hasLists: Bool, _ session: isolated RedisSession) throws {
        let owner = hasLists ? session.calls.base : nil
        let command = renewal(of: owner, for: session.options.lease + session.options.replyExpiry, session)
        var request = Request(
            [command],
            slot: Self.slot,
            .handler { session, result in
                session.replies.owners.tidyUp(after: result, session)
            }
        )
        request.isOwn = true
        try session.commands.perform(request, session)
    }

    /// There are no calls any more.
    ///
    /// - Parameter hasUnanswered: whether something may yet come, so that others have to tidy up.
    func cease(hasUnanswered: Bool, _ session: isolated RedisSession) async throws {
        guard let base = session.calls.base else { return }
        let commands =
            hasUnanswered
            ? [renewal(of: base, for: session.options.replyExpiry, session)] : [forgetting(Array(base.utf8))]
        _ = try await session.commands.perform(commands, slot: Self.slot, session)
    }

    private func renewal(of owner: String?, for time: Duration, _ session: isolated RedisSession) -> [[UInt8]] {
        let numbers = [time.atLeastOneMillisecond, session.options.lease.atLeastOneMillisecond]
        return session.script(
            Scripts.renewOwner,
            keys: [Self.key],
            ([owner ?? ""] + numbers.map(String.init)).map { Array($0.utf8) }
        )
    }

    private func forgetting(_ owner: [UInt8]) -> [[UInt8]] { [Command.zrem, Self.key, owner] }

    // MARK: Tidying up

    private func tidyUp(after result: Result<RedisValue, any Error>, _ session: isolated RedisSession) {
        // A lost link has failed what was under way.
        guard case .success(let reply) = result else { return }
        if let error = reply.error {
            return session.signs.wasRefused(error.asMessagingError("the owners of reply lists"), session)
        }
        for told in reply.array ?? [] {
            guard let owner = told.bytes, owner != session.calls.base.map({ Array($0.utf8) }) else { continue }
            // Anybody may have written it.
            guard let name = told.string, ReplyNames.isBase(name) else {
                session.runtime.count(\.undecodable, "an owner of reply lists that is none was forgotten")
                session.commands.insist([forgetting(owner)], slot: Self.slot, session)
                continue
            }
            tidyUp(behind: name, from: "0", session)
        }
    }

    /// Page by page of all keys, since nobody else knows what the lists are called, and then forgets the owner. If this ends
    /// half-way, another begins anew.
    private func tidyUp(behind owner: String, from cursor: String, _ session: isolated RedisSession) {
        let key = Array("{\(owner)}".utf8)
        let numbers = [Self.pageSize, session.options.replyExpiry.atLeastOneMillisecond].map(String.init)
        let command = session.script(
            Scripts.expireLists,
            keys: [key],
            ([cursor] + numbers).map { Array($0.utf8) }
        )
        var request = Request(
            [command],
            slot: ClusterSlot.slot(of: key),
            .handler { session, result in
                guard case .success(let reply) = result else { return }
                if let error = reply.error {
                    // Another connection may be allowed to.
                    session.runtime.tell(of: "gone callers", "late replies to callers that are gone stay: \(error)")
                }
                guard let next = reply.string else { return }
                let owners = session.replies.owners
                guard next == "0" else { return owners.tidyUp(behind: owner, from: next, session) }
                session.commands.insist([owners.forgetting(Array(owner.utf8))], slot: Self.slot, session)
            }
        )
        request.isOwn = true
        // Without a link it is told again by another.
        try? session.commands.perform(request, session)
    }
}

extension Duration {
    /// In whole milliseconds.
    var atLeastOneMillisecond: Int { max(1, Int(clamping: wholeMilliseconds)) }
}
