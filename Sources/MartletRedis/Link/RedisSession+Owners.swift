import Martlet

/// What is left of callers that are gone.
///
/// The service of another library pushes its reply to the list that it was told, whether or not there is anyone left to
/// take it, and gives that list no end. So each connection that has reply lists is on a list of owners, until a time
/// after its lease; every Martlet connection looks, from time to time, whether somebody's time is over, and gives what
/// lies in that one's lists an end.
///
/// Not deleted but given an end: should the server's clock have jumped, the owner lives, and takes it before. It is then
/// on the list of owners again with its next sign of life. Several may tidy up at once, and again.
extension RedisSession {
    private static let keys = ["{martlet.owners}", "{martlet.owners}.lists"].map { Array($0.utf8) }
    private static let slot = ClusterSlot.slot(of: keys[0])
    /// Of how many lists of one owner something is known: the latest.
    private static let maximumReach = 1 << 20

    /// Shows that this connection is alive, and tidies up behind those that are not. Nobody waits for it.
    func renewOwner() throws {
        let owner = receiveReply == nil ? nil : calls.base
        if owner != nil { knownReach = calls.reach }
        try perform(
            Request(
                [renewal(of: owner, for: options.lease + options.replyExpiry)],
                slot: Self.slot,
                .handler { [weak self] result in self?.assumeIsolated { $0.tidyUp(after: result) } }
            )
        )
    }

    /// There are no calls any more.
    ///
    /// - Parameter hasUnanswered: whether something may yet come, so that others have to tidy up.
    func ceaseToOwn(hasUnanswered: Bool) async throws {
        guard let base = calls.base else { return }
        let commands = hasUnanswered ? [renewal(of: base, for: options.replyExpiry)] : forgetting(base)
        _ = try await perform(commands, slot: Self.slot)
    }

    private func renewal(of owner: String?, for time: Duration) -> [[UInt8]] {
        let numbers = [calls.reach, time.atLeastOneMillisecond, options.lease.atLeastOneMillisecond]
        return script(
            Scripts.renewOwner,
            keys: Self.keys,
            ([owner ?? ""] + numbers.map(String.init)).map { Array($0.utf8) }
        )
    }

    private func forgetting(_ owner: String) -> [[[UInt8]]] {
        let owner = Array(owner.utf8)
        return [[Command.zrem, Self.keys[0], owner], [Command.hdel, Self.keys[1], owner]]
    }

    // MARK: Tidying up

    private func tidyUp(after result: Result<RedisValue, any Error>) {
        // A lost link has failed what was under way.
        guard case .success(let reply) = result else { return }
        if let error = reply.error { return warn(of: error.asMessagingError("the owners of reply lists")) }
        let told = reply.array ?? []
        for index in stride(from: 0, to: told.count - 1, by: 2) {
            guard let owner = told[index].string, owner != calls.base else { continue }
            let reach = told[index + 1].string.flatMap { Int($0) } ?? 0
            tidyUp(behind: owner, from: max(0, reach - Self.maximumReach), to: reach)
        }
    }

    /// Page by page, and then forgets the owner. If this ends half-way, another begins anew.
    private func tidyUp(behind owner: String, from first: Int, to reach: Int) {
        guard first < reach, ReplyNames.isBase(owner) else {
            return tell(forgetting(owner), slot: Self.slot) { _ in }
        }
        let key = Array("{\(owner)}".utf8)
        let last = min(first + ReplyLists.pageSize, reach)
        let numbers = [first + 1, last, options.replyExpiry.atLeastOneMillisecond].map { Array(String($0).utf8) }
        let command = script(Scripts.expireLists, keys: [key], numbers)
        tell([command], slot: ClusterSlot.slot(of: key)) { $0.tidyUp(behind: owner, from: last, to: reach) }
    }

    /// - Parameter next: what is done when the server has done this.
    private func tell(
        _ commands: [[[UInt8]]],
        slot: Int,
        _ next: @escaping @Sendable (isolated RedisSession) -> Void
    ) {
        let completion = Request.Completion.handler { [weak self] result in
            guard case .success(let reply) = result, reply.error == nil else { return }
            self?.assumeIsolated { next($0) }
        }
        // Without a link it is told again by another.
        try? perform(Request(commands, slot: slot, completion))
    }
}

extension Duration {
    /// In whole milliseconds.
    fileprivate var atLeastOneMillisecond: Int { max(1, Int(clamping: wholeMilliseconds)) }
}
