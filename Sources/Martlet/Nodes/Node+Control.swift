extension Node {
    /// Returns once the node runs and all its components can be found by others: responders can be called, and
    /// subscribers miss nothing that is published later.
    ///
    /// - Parameter limit: how long to wait, also for a node that nobody has run yet.
    /// - Throws: ``MessagingError/Code/timeout``; ``MessagingError/Code/notRunning`` if the node is stopped or has
    ///   ended; `CancellationError`.
    public func waitUntilReady(within limit: Duration = .seconds(10)) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                try await self.status.wait { $0.isReady || [.stopped, .exited].contains($0.lifecycle.state) }
                guard self.status.value.isReady else {
                    throw MessagingError(.notRunning, "the node \(self.name) is stopped or has ended")
                }
            }
            group.addTask {
                try await self.connection.runtime.timers.sleep(for: limit)
                throw MessagingError(.timeout, "the node \(self.name) was not ready within \(limit)")
            }
            try await group.next()
        }
    }

    /// Stops the components, as `<node>.stop` does: no new work is taken, work in hand is finished within
    /// ``NodeOptions/drainLimit``, and what takes longer is cancelled. The node itself stays, with its heartbeat, and
    /// can be started again.
    ///
    /// Returns when they have stopped, or shutdown of the caller begins. Cancelling the caller does not undo it. A
    /// component that calls it waits for itself, until the drain limit is over.
    ///
    /// - Throws: ``MessagingError/Code/notRunning`` if the node does not run; `CancellationError`.
    public func stop() async throws {
        try status.update { try $0.lifecycle.stop(at: WallClock.nanoseconds) }
        try await status.wait { $0.lifecycle.state != .stopping }
    }

    /// Starts the components again after ``stop()``, as `<node>.start` does.
    ///
    /// Returns when they can be found, or shutdown of the caller begins.
    ///
    /// - Throws: ``MessagingError/Code/notRunning`` unless the node is stopped; `CancellationError`.
    public func start() async throws {
        try status.update { status in
            try status.lifecycle.start(at: WallClock.nanoseconds)
            status.setAll(.starting)
        }
        try await status.wait { $0.isReady || $0.lifecycle.state != .running }
    }

    // MARK: By others

    /// Lets others start and stop the node, and ask for its health. Whatever the request's body says is ignored.
    ///
    /// The responders are supervised as components are, but are not among them: stopping the node leaves them.
    func serveControl() async throws -> Bool {
        let codecs = connection.runtime.codecs
        let (members, records) = Member.list([
            Respond(to: nodeName.start) { _ in try await codecs.message(self.reply { try await self.start() }) },
            Respond(to: nodeName.stop) { _ in try await codecs.message(self.reply { try await self.stop() }) },
            Respond(to: nodeName.health) { _ in try codecs.message(self.health) },
        ])
        let status = Watched(NodeStatus(lifecycle: status.value.lifecycle, components: records))
        try await Supervisor(connection: connection, logger: logger, status: status).run(members)
        return false
    }

    private func reply(_ transition: () async throws -> Void) async throws -> ControlReply {
        do {
            try await transition()
            return ControlReply()
        } catch let error as MessagingError {
            return ControlReply(status: 1, error: error.message)
        }
    }
}
