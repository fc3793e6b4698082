import Logging
import Martlet
import MartletTransport

/// Opening again, on a new link, what was open on the one before.
extension AMQPSession {
    /// How long the broker may take to see that the link before is gone, and to let go of what was that link's own: it
    /// looks once a heartbeat, and has to find silence twice.
    var patience: Duration { max(options.connectTimeout, (agreement?.heartbeat ?? .seconds(60)) * 3) }

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
        attend { _ = try publisher.open(on: self, confirms: false) }
        try await declareAgain(level: .warning)
        let gathering = Gathering()
        let openings: [any Restorable] =
            (replies.map { [$0] } ?? []) + (will.map { [$0] } ?? [])
            + consumers.sorted { $0.key < $1.key }.map(\.value) + natives.sorted { $0.key < $1.key }.map(\.value)
        attend {
            for restorable in openings {
                gathering.begin()
                restorable.open(on: self) { [runtime] error in
                    if let error { runtime.logger.debug("something could not be opened again: \(error)") }
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
        undeclared = 0
        let gathering = Gathering()
        attend {
            for method in topology.methods {
                gathering.begin()
                declarations.ask(method, on: self) { result in
                    if case .failure(let error) = result { self.refusedAgain(error, level) }
                    gathering.end()
                }
            }
        }
        try await wait(for: gathering)
        attend { declarations.close(self) }
    }

    private func refusedAgain(_ error: any Error, _ level: Logger.Level) {
        // With the link everything is declared anew.
        guard keeper.isUp else { return }
        if Self.mayPass(error) {
            undeclared += 1
            runtime.logger.debug("something could not be declared again yet: \(error)")
        } else {
            runtime.logger.log(level: level, "something could not be declared again: \(error)")
        }
    }

    /// Declares all of it again and again while there is this link, until nothing is left or patience ends. All, since
    /// what was there may have gone with what was not: an exchange with the last queue that was bound to it.
    func linkIsBack() async {
        guard let link else { return }
        let deadline = ContinuousClock.now + patience
        var attempt = 1
        while undeclared > 0, .now < deadline {
            do {
                try await runtime.timers.sleep(for: Self.pause(before: attempt))
                guard self.link === link, keeper.state == .open else { return }
                attempt += 1
                try await declareAgain(level: .debug)
            } catch {
                return
            }
            guard self.link === link else { return }
        }
        if undeclared > 0 {
            runtime.logger.warning("\(undeclared) queues, exchanges or bindings could not be declared again")
            undeclared = 0
        }
    }

    private func wait(for gathering: Gathering) async throws {
        guard let promise = gathering.promise() else { return }
        let timers = runtime.timers
        let timer = timers.schedule(at: timers.now + options.connectTimeout) { promise.end(.success(())) }
        defer { timers.cancel(timer) }
        try await promise.value()
    }

    // MARK: What is consumed

    private static func pause(before attempt: Int) -> Duration {
        Backoff(initial: .milliseconds(50), maximum: .seconds(10)).delay(before: attempt) ?? .seconds(10)
    }

    /// Opens something again that was ended, though the link was not: soon, and later each time.
    func openAgain(_ restorable: any Restorable, attempt: Int) {
        let id = restorable.id
        loop.schedule(after: Self.pause(before: attempt)) { [weak self] in
            self?.assumeIsolated { $0.openAgain(id, attempt: attempt) }
        }
    }

    private func openAgain(_ id: Int, attempt: Int) {
        // Without a link it will be opened with the next one.
        guard keeper.state == .open, let restorable = restorable(id) else { return }
        attend {
            restorable.open(on: self) { [runtime] error in
                guard let error else { return }
                runtime.logger.log(
                    level: attempt == 1 ? .warning : .debug,
                    "something could not be opened again at attempt \(attempt): \(error)"
                )
            }
        }
    }

    private func restorable(_ id: Int) -> (any Restorable)? {
        id == ReplyConsumer.fixedID ? replies : consumers[id] ?? natives[id]
    }
}
