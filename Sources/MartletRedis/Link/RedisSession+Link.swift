import Martlet
import MartletTransport

/// Getting the link, and what becomes of everything when it is gone.
extension RedisSession {
    func openLink(to endpoint: Endpoint) throws {
        try sockets.open(.command, to: .endpoint(endpoint), self)
    }

    func restoreLink() async throws {
        // Slots may have moved meanwhile, and the nodes say so.
        commands.forgetNodes()
        clock.forget()
        try await signs.readClock(self, attempts: 5)
        try await signs.readTimeout(self)
        try await signs.storeWill(self)
        try await subscribers.restore(self)
        try await replies.restore(self)
        // One consumer may keep the others waiting for longer than they are believed to be alive.
        signs.begin(self)
        try await consumers.restore(self)
    }

    func linkIsOpen() {
        commands.linkIsOpen()
        outbox.connected()
        signs.watch(self)
        consumers.finishLeaving(self)
        work()
    }

    func releaseLink() {
        signs.end(self)
        sockets.closeAll()
        replies.linkLost(self)
        // Whoever sees that the link is lost is told so when it settles a delivery.
        consumers.lose(self)
        // Nothing is taken any more that would only be dropped.
        if commands.wasOpen { commands.release(outbox) }
    }

    func linkIsLost(_ error: MessagingError) {
        failPending(
            MessagingError(
                .connectionLost,
                "the link was lost before the server answered: it may or may not have been done",
                cause: error
            )
        )
        guard commands.linkIsLost(self) else { return }
        if !subscribers.isEmpty {
            runtime.count(\.gaps, "the link was lost: what was published meanwhile did not arrive (\(error))")
        }
    }

    /// What was sent and not answered fails, or is kept to be sent again. So do those who wait for other answers.
    func failPending(_ error: any Error) {
        commands.failPending(error, self)
        subscribers.failPending(error)
        replies.failPending(error)
    }

    // MARK: A node that is away

    /// A node of the cluster is lost, or can't be reached: what uses it fails, or waits until it is back. The link stays.
    func lose(_ node: Destination, _ error: any Error) {
        let roles = sockets.closeAll(at: node)
        // They forget what is being told before that fails.
        consumers.lose(node, roles, self)
        let reason = error as? MessagingError ?? MessagingError(.connectionLost, "it can't be reached", cause: error)
        if commands.lose(node, reason, self) {
            runtime.tell(of: "\(node)", "\(commands.away.error(of: node)); the others are used on")
            signs.hasten(self)
        }
        replies.lose(roles, self)
    }

    /// A node of the cluster can be asked.
    func isBack(_ node: Destination) {
        guard commands.isBack(node, self) else { return }
        signs.hasten(self)
        replies.resume(self)
    }

    /// Does something for which a node of the cluster may be away, or that it may refuse; then it is not done.
    func unlessAway(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as MessagingError where error.leavesLink {
            signs.wasRefused(error, self)
        }
    }

    // MARK: A server that is the wrong one

    /// Whether there is something here for which a replica is of no use.
    var needsMaster: Bool { options.connection.will != nil || !consumers.isEmpty }

    /// The server is a replica, or has become one: the link is made anew, to the next one that is none. A node of a cluster is
    /// lost alone: another one has taken its place, or will.
    ///
    /// - Parameter role: by what it said so.
    func leaveReplica(_ error: RedisError, by role: Role) {
        guard keeper.isUp else { return }
        let reason = MessagingError(
            .connectionLost,
            "the server is not, or no longer, the master: \(error)",
            cause: error
        )
        if let node = sockets.node(of: role) { return lose(node, reason) }
        sockets.missMaster()
        linkFailed(reason)
    }

    /// Does something of the session's own again while the server refuses for a reason that passes, the loss of the link for
    /// such a reason included: for as long as connecting may take.
    func patiently<Result>(_ body: () async throws -> Result) async throws -> Result {
        let deadline = runtime.timers.now + options.connectTimeout
        var pace = Pace()
        while true {
            do {
                return try await body()
            } catch let error as MessagingError where error.isRetriable && runtime.timers.now < deadline {
                guard !pace.isFresh || error.cause is RedisError || error.cause is NodeAway else { throw error }
                try await runtime.timers.sleep(for: pace.next())
            }
        }
    }

    // MARK: The end

    /// Whether commands go out in the order in which they were given.
    var isOpen: Bool { keeper.state == .open || keeper.state == .draining }

    func checkOpen() throws {
        switch keeper.state {
        case .open: break
        case .idle, .opening, .restoring: throw MessagingError.offline
        case .draining, .closing, .closed: throw MessagingError.closed
        }
    }

    var hasUnwritten: Bool { commands.hasUnwritten(self) }

    func writeAccepted() {
        commands.send(self)
    }

    /// What was held is given back, and what only this connection hears is deleted.
    func sayGoodbye(until deadline: Duration) async {
        signs.end(self)
        let timer = runtime.timers.schedule(at: deadline) { [weak self, bell] in
            bell.execute { [weak self] in
                self?.assumeIsolated { session in
                    session.sockets.closeAll()
                    session.failPending(MessagingError.closed)
                }
            }
        }
        consumers.closeInboxes()
        try? await giveEverythingBack()
        runtime.timers.cancel(timer)
    }

    /// All at the same time: a node of a cluster may take long to answer, or hang.
    private func giveEverythingBack() async throws {
        let farewells: [@Sendable (isolated RedisSession) async -> Void] = [
            { await $0.consumers.giveEverythingBack($0) },
            { session in try? await session.unlessAway { try await session.replies.cease(session) } },
            { session in try? await session.unlessAway { try await session.signs.dropWill(session) } },
        ]
        await withDiscardingTaskGroup { group in
            for farewell in farewells { group.addTask { [self] in await farewell(self) } }
        }
        // Everything before it has been done when this is answered.
        _ = try await commands.perform(words: "PING", by: self)
    }

    func end(_ error: MessagingError) {
        intake.outboxBell.silence()
        failPending(error)
        commands.end(error, self)
        let ending: MessagingError? = error.code == .connectionClosed ? nil : error
        subscribers.end(ending)
        consumers.end(ending)
    }
}
