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
    private static let keys = ["{martlet.owners}", "{martlet.owners}.lists"].map { Array($0.utf8) }
    private static let slot = ClusterSlot.slot(of: keys[0])
    /// Of how many lists of one owner something is known: the latest.
    private static let maximumReach = 1 << 20
    /// More than that nobody has named, whatever the list of owners says.
    private static let largestReach = 1 << 50

    /// How many of this connection's reply lists the server has been told of.
    private var knownReach = 0

    /// Whether the server is to be told of more lists.
    func isBehind(_ calls: CallBook) -> Bool { calls.reach > knownReach }

    /// Shows that this connection is alive, and tidies up behind those that are not. Nobody waits for it.
    ///
    /// - Parameter hasLists: whether this connection has reply lists.
    func renew(hasLists: Bool, _ session: isolated RedisSession) throws {
        let owner = hasLists ? session.calls.base : nil
        if owner != nil { knownReach = session.calls.reach }
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
            ? [renewal(of: base, for: session.options.replyExpiry, session)] : forgetting(Array(base.utf8))
        _ = try await session.commands.perform(commands, slot: Self.slot, session)
    }

    private func renewal(of owner: String?, for time: Duration, _ session: isolated RedisSession) -> [[UInt8]] {
        let numbers = [session.calls.reach, time.atLeastOneMillisecond, session.options.lease.atLeastOneMillisecond]
        return session.script(
            Scripts.renewOwner,
            keys: Self.keys,
            ([owner ?? ""] + numbers.map(String.init)).map { Array($0.utf8) }
        )
    }

    private func forgetting(_ owner: [UInt8]) -> [[[UInt8]]] {
        [[Command.zrem, Self.keys[0], owner], [Command.hdel, Self.keys[1], owner]]
    }

    // MARK: Tidying up

    private func tidyUp(after result: Result<RedisValue, any Error>, _ session: isolated RedisSession) {
        // A lost link has failed what was under way.
        guard case .success(let reply) = result else { return }
        if let error = reply.error {
            return session.signs.wasRefused(error.asMessagingError("the owners of reply lists"), session)
        }
        let told = reply.array ?? []
        for index in stride(from: 0, to: told.count - 1, by: 2) {
            guard let owner = told[index].bytes, owner != session.calls.base.map({ Array($0.utf8) }) else { continue }
            // Anybody may have written it.
            let reach = told[index + 1].integer ?? 0
            guard let name = told[index].string, ReplyNames.isBase(name), (0...Self.largestReach).contains(reach) else {
                session.runtime.count(\.undecodable, "an owner of reply lists that is none was forgotten")
                session.commands.insist(forgetting(owner), slot: Self.slot, session)
                continue
            }
            tidyUp(behind: name, from: max(0, reach - Self.maximumReach), to: reach, session)
        }
    }

    /// Page by page, and then forgets the owner. If this ends half-way, another begins anew.
    private func tidyUp(behind owner: String, from first: Int, to reach: Int, _ session: isolated RedisSession) {
        guard first < reach else {
            return session.commands.insist(forgetting(Array(owner.utf8)), slot: Self.slot, session)
        }
        let key = Array("{\(owner)}".utf8)
        let last = min(first + ReplyLists.pageSize, reach)
        let numbers = [first + 1, last, session.options.replyExpiry.atLeastOneMillisecond]
        let command = session.script(Scripts.expireLists, keys: [key], numbers.map { Array(String($0).utf8) })
        var request = Request(
            [command],
            slot: ClusterSlot.slot(of: key),
            .handler { session, result in
                guard case .success(let reply) = result, reply.error == nil else { return }
                session.replies.owners.tidyUp(behind: owner, from: last, to: reach, session)
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
