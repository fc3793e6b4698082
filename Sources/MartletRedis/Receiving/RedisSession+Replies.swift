import DequeModule
import Logging
import Martlet
import MartletTransport

/// Replies to the calls of this connection.
extension RedisSession {
    /// How long one blocking read of reply lists lasts. Only to ask anew: nothing is missed between two.
    private static let patience: Duration = .seconds(20)

    /// Opens the reply address.
    func openReplies(_ receive: @escaping @Sendable (Message, String) -> Void) async throws -> ReplyAddress {
        try checkOpen()
        calls.open(ReplyNames.makeBase())
        receiveReply = receive
        try await restoreReplies()
        return ReplyAddress { [calls, bell] id in
            let (address, isNewSet) = calls.lease(id)
            if isNewSet { bell.ring() }
            return address
        } giveBack: { [calls, bell] id in
            if calls.ended(id) { bell.ring() }
        }
    }

    /// Listens to the channel for replies, and to the lists.
    func restoreReplies() async throws {
        guard receiveReply != nil, let base = calls.base else { return }
        if links[.replies] == nil {
            let link = try open(.replies)
            let promise = Promise<Void>()
            replyConfirmations.append(promise)
            link.write(CommandFormat.bytes(of: "SUBSCRIBE", base))
            link.flush()
            try await answer(promise, "the subscription to the channel for replies")
            try renewOwner()
        }
        tendReplyLists()
    }

    /// Waits for lists that are new, and takes back what nobody waits for. On the loop.
    func tendReplyLists() {
        guard canTend else { return }
        do {
            if calls.reach > knownReach { try renewOwner() }
            for set in 0..<calls.sets where links[.replyLists(set)] == nil { try arm(set) }
            for set in calls.takeStale() { disturb(set) }
            for request in calls.takeAbandoned() {
                // The latest is at the end of the list.
                try perform(
                    Request(
                        [[Command.lrem, request.keys.list, Command.last, request.element]],
                        slot: request.keys.slot,
                        .handler { _ in }
                    )
                )
            }
        } catch {
            runtime.logger.debug("reply lists could not be tended: \(error)")
        }
    }

    /// Where a cluster keeps the reply lists.
    var replySlot: Int? { calls.base.map { ClusterSlot.slot(of: Array("{\($0)}".utf8)) } }

    private var canTend: Bool {
        switch keeper.state {
        case .restoring, .open, .draining: links[.command]?.isReady == true
        case .idle, .opening, .closing, .closed: false
        }
    }

    private func arm(_ set: Int) throws {
        let link = try links[.replyLists(set)] ?? open(.replyLists(set), to: nodes[replySlot])
        link.write(CommandFormat.bytes(of: ["BLPOP"] + calls.arm(set) + ["\(Self.patience.components.seconds)"]))
        link.flush()
    }

    /// Has a blocking read return now, so that the next one waits for the present names.
    private func disturb(_ set: Int) {
        // Where the server does not tell, or allow, it returns by itself after its time.
        guard let id = links[.replyLists(set)]?.clientID else { return }
        let command = ["CLIENT", "UNBLOCK", "\(id)"].map { Array($0.utf8) }
        let completion = Request.Completion.handler { [weak self] result in
            // It may not have begun to wait: the read comes to the server by another socket.
            guard case .success(.integer(0)) = result else { return }
            self?.assumeIsolated { $0.disturbLater(set) }
        }
        try? perform(Request([command], slot: replySlot, completion))
    }

    private func disturbLater(_ set: Int) {
        loop.schedule(after: .milliseconds(5)) { [weak self] in
            self?.assumeIsolated { session in
                guard session.canTend, session.calls.isStale(set) else { return }
                session.disturb(set)
            }
        }
    }

    // MARK: What comes

    /// By the channel, as it lies in the buffer.
    func receivedReply(_ push: PushedMessage) {
        take([UInt8](push.body))
    }

    private func take(_ body: [UInt8]) {
        var body = body
        guard var message = try? runtime.wire.unwrap(&body, from: .call),
            let address = message.headers[ReplyNames.addressHeader]?.string
        else { return runtime.count(\.undecodable, "a reply could not be read") }
        message.headers[ReplyNames.addressHeader] = nil
        calls.answered(address)
        receiveReply?(message, address)
    }

    /// By the channel: of a peer that says what it answers.
    func receivedReply(_ reply: RedisValue) {
        guard let parts = reply.array, let kind = parts.first?.string else {
            if let error = reply.error, let promise = replyConfirmations.popFirst() {
                promise?.end(.failure(error.asMessagingError("the reply channel")))
            }
            return
        }
        switch kind {
        case "subscribe":
            _ = replyConfirmations.popFirst()??.end(.success(()))
        case "message":
            guard parts.count == 3, case .bytes(let body) = parts[2] else {
                return runtime.count(\.undecodable, "a reply could not be read")
            }
            take(body)
        default:
            break
        }
    }

    /// From a list: of a peer that may say nothing about what it answers.
    func receivedFromList(_ reply: RedisValue, set: Int) {
        if let parts = reply.array, parts.count == 2, let address = parts[0].string, case .bytes(var body) = parts[1] {
            calls.answered(address)
            if let message = try? runtime.wire.unwrap(&body, from: .call) {
                receiveReply?(message, address)
            } else {
                runtime.count(\.undecodable, "a reply could not be read")
            }
        } else if let error = reply.error {
            if error.prefix == "MOVED", learn(from: error) {
                links.removeValue(forKey: .replyLists(set))?.close()
                try? arm(set)
                return
            }
            runtime.logger.warning("the server refused to wait for replies: \(error)")
            return
        }
        try? arm(set)
    }
}

extension CommandFormat {
    /// A command of text.
    static func bytes(of words: [String]) -> [UInt8] {
        bytes(of: words.map { Array($0.utf8) })
    }
}
