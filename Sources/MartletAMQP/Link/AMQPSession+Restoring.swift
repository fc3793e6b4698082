import Logging
import Martlet
import MartletTransport

/// Opening again, on a new link, what was open on the one before.
extension AMQPSession {
    /// How long the broker may take to see that the link before is gone, and to let go of what was that link's own: it
    /// looks once a heartbeat, and has to find silence twice.
    var patience: Duration { max(options.connectTimeout, (wire.agreement?.heartbeat ?? .seconds(60)) * 3) }

    /// Whether an error of the broker's may come from the link before, of which it does not know yet that it is gone: its
    /// queue is locked (405) or has one exclusive consumer (403), or is gone (404) and not yet declared again.
    static func mayPass(_ error: any Error) -> Bool {
        [AMQPReplyError.accessRefused, AMQPReplyError.notFound, AMQPReplyError.resourceLocked].contains(
            (error as? MessagingError)?.amqpReplyCode
        )
    }

    /// Returns when all of it is open, or the broker has refused it, or has had as long for it as it has for a connection.
    func restoreLink() async throws {
        try Task.checkCancellation()
        attend { try publishing.open(on: self) }
        try await declareAgain(level: .warning)
        let gathering = Gathering()
        attend {
            for restorable in consuming.all {
                gathering.begin()
                restorable.open(on: self) { [runtime] error in
                    if let error, !self.tellOfAbsentNode(error) {
                        runtime.logger.debug("something could not be opened again: \(error)")
                    }
                    gathering.end()
                }
            }
        }
        try await wait(for: gathering)
    }

    // MARK: Topology

    /// Declares all of it, and counts what the broker may only not have let go of yet.
    ///
    /// - Parameter level: at which what is refused for good is logged.
    private func declareAgain(level: Logger.Level) async throws {
        let gathering = Gathering()
        attend { declarations.declareAgain(level: level, gathering, on: self) }
        try await wait(for: gathering)
        attend { declarations.declaredAgain(self) }
    }

    /// Declares all of it again and again while there is this link, until nothing is left or patience ends. All, since
    /// what was there may have gone with what was not: an exchange with the last queue that was bound to it.
    func linkIsBack() async {
        guard let link = wire.link else { return }
        let deadline = runtime.timers.now + patience
        var attempt = 1
        while declarations.undeclared > 0, declarations.missesNode || runtime.timers.now < deadline {
            do {
                try await runtime.timers.sleep(for: Self.pause(before: attempt))
                guard wire.link === link, keeper.state == .open else { return }
                attempt += 1
                try await declareAgain(level: .debug)
            } catch {
                return
            }
            guard wire.link === link else { return }
        }
        if declarations.undeclared > 0 {
            runtime.logger.warning(
                "\(declarations.undeclared) queues, exchanges or bindings could not be declared again"
            )
            declarations.giveUp()
        }
    }

    private func wait(for gathering: Gathering) async throws {
        guard let promise = gathering.promise() else { return }
        let timer = runtime.timers.schedule(at: runtime.timers.now + options.connectTimeout) {
            promise.end(.success(()))
        }
        defer { runtime.timers.cancel(timer) }
        try await promise.value()
    }

    // MARK: Nodes that are away

    /// Asks again, later each time, while the broker says that the node of a queue is away.
    ///
    /// - Parameter limit: for how long; `nil`: until the node is there.
    /// - Throws: what was thrown last.
    func untilNodeIsThere<Answer>(
        within limit: Duration?,
        _ ask: () async throws -> Answer
    ) async throws -> Answer {
        let end = limit.map { runtime.timers.now + $0 }
        var attempt = 1
        while true {
            do {
                return try await ask()
            } catch let error as MessagingError where error.isOfAbsentNode {
                _ = tellOfAbsentNode(error)
                let pause = Self.pause(before: attempt)
                if let end, runtime.timers.now + pause >= end { throw error }
                attempt += 1
                try await runtime.timers.sleep(for: pause)
            }
        }
    }

    /// Logs, once a minute at most, that the node of a queue is away, if that is what an error says.
    ///
    /// - Returns: whether it is.
    nonisolated func tellOfAbsentNode(_ error: any Error) -> Bool {
        guard let error = error as? MessagingError, error.isOfAbsentNode else { return false }
        runtime.tell(of: error.message, "the node of a queue is away, and the queue is tried again: \(error.message)")
        return true
    }

    // MARK: What is consumed

    static func pause(before attempt: Int) -> Duration {
        Backoff(initial: .milliseconds(50), maximum: .seconds(10)).delay(before: attempt) ?? .seconds(10)
    }

    /// Opens something again that was ended, though the link was not: soon, and later each time.
    func openAgain(_ restorable: any Restorable, attempt: Int) {
        let id = restorable.id
        later(Self.pause(before: attempt)) { $0.openAgain(id, attempt: attempt) }
    }

    /// Wakes something after a while.
    func wake(_ restorable: any Restorable, after time: Duration) -> Timers.ID {
        let id = restorable.id
        return later(time) { $0.consuming[id]?.wake($0) }
    }

    private func openAgain(_ id: Int, attempt: Int) {
        // Without a link it will be opened with the next one.
        guard keeper.state == .open, let restorable = consuming[id] else { return }
        attend {
            restorable.open(on: self) { [runtime] error in
                guard let error, !self.tellOfAbsentNode(error) else { return }
                runtime.logger.log(
                    level: attempt == 1 ? .warning : .debug,
                    "something could not be opened again at attempt \(attempt): \(error)"
                )
            }
        }
    }
}
