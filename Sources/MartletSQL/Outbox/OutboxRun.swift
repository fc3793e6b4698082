import Martlet

/// What an ``Outbox`` does while its node runs: it sends, and waits until there may be more.
struct OutboxRun: Sendable {
    private let database: any Database
    private let options: Outbox.Options
    private let context: NodeContext
    private let publisher: OutboxPublisher

    init(_ database: any Database, _ options: Outbox.Options, _ context: NodeContext) {
        self.database = database
        self.options = options
        self.context = context
        publisher = OutboxPublisher(database, on: context.connection, limit: options.batch)
    }

    /// Ends by being cancelled alone.
    func callAsFunction() async throws {
        while true {
            do {
                try await database.prepareOutbox()
                if let database = database as? any ListeningDatabase {
                    try await database.withListener(to: OutboxTable.channel) { listener in
                        try await send(until: nil, wait: listener.wait)
                    }
                } else {
                    try await send(until: nil, wait: sleep)
                }
            } catch {
                try Task.checkCancellation()
                context.countHandlerError(error)
                // That it can't listen keeps it from nothing. After a while it tries again to.
                try await send(until: .now + options.idleInterval.capped, wait: sleep)
            }
        }
    }

    private func sleep(_ limit: Duration) async throws { try await Task.sleep(for: min(limit, options.interval)) }

    /// Sends what there is, again and again.
    ///
    /// - Parameters:
    ///   - end: when it ends; `nil`: never.
    ///   - wait: waits until there may be more, and as long as it is told to at most.
    /// - Throws: what `wait` throws; `CancellationError`.
    private func send(
        until end: ContinuousClock.Instant?,
        wait: (Duration) async throws -> Void
    ) async throws {
        var noted: (at: ContinuousClock.Instant, note: String?)?
        repeat {
            var pause = options.interval
            do {
                let progress = try await publisher.publishBatch()
                if progress != .heldBack { pause = options.idleInterval }
                // Where many messages pass they are not counted each time. What was said has to be taken back.
                if noted.map({ .now - $0.at >= .seconds(1) || progress == .done && $0.note != nil }) ?? true {
                    let note = try await note(progress)
                    context.report(note)
                    noted = (.now, note)
                }
                if progress == .more { continue }
            } catch {
                try Task.checkCancellation()
                context.countHandlerError(error)
            }
            try await wait(pause)
        } while end.map { .now < $0 } ?? true
    }

    private func note(_ progress: OutboxPublisher.Progress) async throws -> String? {
        if progress == .elsewhere { return "another program sends for this database" }
        return try await OutboxBacklog(of: database, isHeldBack: progress == .heldBack).note
    }
}
