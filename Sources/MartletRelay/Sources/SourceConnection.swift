import Logging
public import Martlet

/// A connection to a ``Source``: subscriptions read what comes from there.
///
/// ```swift
/// let events = SourceConnection(try EventSource("https://example.com/events"), name: "events")
/// try await Bridge(from: events, to: mqtt, name: "events") { Forward("#", as: "events.{topic}") }.run()
/// ```
///
/// Each subscription reads the source by itself. While the source fails the state is `ConnectionState.disconnected`, and it is
/// opened again; where it keeps its items, nothing is missed by that.
///
/// With a ``SourceOptions/positionFile`` a subscription may have a `SubscribeOptions.durableName`, as a bridge's route has with
/// `RouteOptions.isDurable`: what it hands out is to be settled, and the file says how far all was. Another run goes on from
/// there, so that each message is settled at least once. As many messages as `SubscribeOptions.limit` are out at a time.
///
/// A source takes nothing: publishing, queues and calls are `MessagingError.Code.unsupported`.
public actor SourceConnection<Origin: Source>: OneWayConnection {
    /// What the patterns keep for this connection.
    public nonisolated let runtime: ConnectionRuntime
    /// What the source gives.
    public nonisolated let capabilities: Capabilities
    private let source: Origin
    private let retry: Backoff
    private let positions: PositionFile?
    private nonisolated let acknowledger: SourceAcknowledger<Origin>
    /// Tells the source. Owned: the connection ends it, and waits for its end.
    private nonisolated let acknowledging: Task<Void, Never>
    private var readings: [SourceReading<Origin>] = []

    /// A connection that reads nothing yet. It is to be closed.
    ///
    /// - Parameters:
    ///   - source: where messages come from.
    ///   - name: what the connection is called in the log; by default one that no other has.
    ///   - options: how the source is read.
    ///   - connection: what is said of any connection; its name is that above, if there is one.
    public init(
        _ source: Origin,
        name: String? = nil,
        options: SourceOptions = SourceOptions(),
        connection: ConnectionOptions = ConnectionOptions()
    ) {
        var connection = connection
        if let name { connection.name = name }
        self.source = source
        retry = options.retry
        positions = options.positionFile.map(PositionFile.init)
        capabilities = Self.capabilities(of: source, options)
        runtime = ConnectionRuntime(options: connection)
        acknowledger = SourceAcknowledger(source, retry, runtime)
        acknowledging = Task { [acknowledger] in await acknowledger.run() }
        runtime.linkOpened()
    }

    deinit { acknowledging.cancel() }

    /// What a connection to a source gives: also before there is one.
    public static func capabilities(of source: Origin, _ options: SourceOptions) -> Capabilities {
        guard source.keepsItems else { return [.separateHeaders] }
        return options.positionFile == nil
            ? [.separateHeaders, .lastingSubscriptions]
            : [.separateHeaders, .lastingSubscriptions, .durableSubscriptions]
    }

    // MARK: Reading

    /// Reads the source. It returns when the source has been opened, or has failed to for the first time.
    ///
    /// - Throws: `MessagingError.Code.refused` if a durable subscription of that name is read already;
    ///   `MessagingError.Code.invalidArgument` if the file of its position can't be read.
    public func subscribe(to pattern: TopicPattern, options: SubscribeOptions) async throws -> Subscription {
        let options = try runtime.check(subscribingTo: pattern, options, on: capabilities)
        guard runtime.states.state != .closed else { throw runtime.missingLink }
        let place = try await place(of: options.durableName)
        let reading = SourceReading(source, pattern, options, at: place, retry: retry, acknowledger, on: runtime)
        let (subscription, feed) = Subscription.makeSubscription(
            to: pattern,
            on: runtime,
            limit: options.limit,
            overflow: options.overflow,
            maximumBytes: runtime.options.maximumWaitingBytes,
            onRoom: { reading.offerReturned() },
            onUnsubscribe: { reading.forget() },
            onEnd: { reading.end() }
        )
        readings.removeAll { $0.isOver }
        readings.append(reading)
        try await reading.begin(feed)
        return subscription
    }

    private func place(of name: String?) async throws -> SourceReading<Origin>.Place? {
        guard let name, let positions else { return nil }
        guard !readings.contains(where: { !$0.isOver && $0.place?.name == name }) else {
            throw MessagingError(.refused, "the durable subscription \(name) is read already")
        }
        let position = try await positions.position(of: name)
        return SourceReading<Origin>.Place(name: name, file: positions, position: position)
    }

    // MARK: The end

    /// Closes the connection: its subscriptions end, the source is told of what was settled before, for five seconds at most,
    /// and positions that have been reached are written.
    public func close() async {
        await runtime.close { [self] in await leave() }
    }

    private func leave() async {
        for reading in readings { await reading.close() }
        readings = []
        acknowledger.finish()
        let timer = runtime.timers.schedule(at: runtime.timers.now + .seconds(5)) { [acknowledging] in
            acknowledging.cancel()
        }
        await acknowledging.value
        runtime.timers.cancel(timer)
        do {
            try await positions?.flush()
        } catch {
            runtime.logger.warning("\(error)")
        }
        await source.close()
    }
}
