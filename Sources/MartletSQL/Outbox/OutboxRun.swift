import Martlet
import ServiceLifecycle

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

    /// Ends when shutdown begins, once what is under way has been sent and deleted: the next one would send it again.
    func callAsFunction() async throws {
        while !Task.isShuttingDownGracefully {
            do {
                _ = try await untilShutdown { try await database.prepareOutbox() }
                try await listenAndSend()
            } catch {
                try Task.checkCancellation()
                if Task.isShuttingDownGracefully { return }
                context.countHandlerError(error)
                // That it can't listen keeps it from nothing. After a while it tries again to.
                try await send(until: .now + options.idleInterval.capped, wait: sleep)
            }
        }
    }

    private func listenAndSend() async throws {
        guard let database = database as? any ListeningDatabase else { return try await send(until: nil, wait: sleep) }
        let listener = try await untilShutdown { try await database.openListener(to: OutboxTable.channel) }
        guard let listener = listener ?? nil else {
            return Task.isShuttingDownGracefully ? () : try await send(until: nil, wait: sleep)
        }
        let result: Result<Void, any Error>
        do { result = .success(try await send(until: nil, wait: listener.wait)) } catch { result = .failure(error) }
        await listener.close()
        try result.get()
    }

    private func sleep(_ limit: Duration) async throws { try await Task.sleep(for: min(limit, options.interval)) }

    /// Sends what there is, again and again.
    ///
    /// - Parameters:
    ///   - end: when it ends, unless shutdown begins before; `nil`: only then.
    ///   - wait: waits until there may be more, and as long as it is told to at most.
    /// - Throws: what `wait` throws; `CancellationError`.
    private func send(
        until end: ContinuousClock.Instant?,
        wait: @escaping @Sendable (Duration) async throws -> Void
    ) async throws {
        var noted: (at: ContinuousClock.Instant, note: String?)?
        while !Task.isShuttingDownGracefully {
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
            _ = try await untilShutdown { [pause] in try await wait(pause) }
            if let end, .now >= end { return }
        }
    }

    private func note(_ progress: OutboxPublisher.Progress) async throws -> String? {
        if progress == .elsewhere { return "another program sends for this outbox" }
        return try await OutboxBacklog(of: database, isHeldBack: progress == .heldBack).note
    }
}
