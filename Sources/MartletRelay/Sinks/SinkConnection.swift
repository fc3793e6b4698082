public import Martlet
import Synchronization

/// A connection to a ``Sink``: messages that are published on it are delivered there, in batches and in order.
///
/// ```swift
/// let carbon = SinkConnection(CarbonSink(host: "graphite.home"), name: "carbon")
/// try await Bridge(from: mqtt, to: carbon, name: "metrics") {
///     Forward("mulay", options: RouteOptions(retain: .none))
/// }.run()
/// ```
///
/// A sink has nothing to read: subscribing, consuming, queues and calls are `MessagingError.Code.unsupported`.
///
/// While the sink fails the state is `ConnectionState.disconnected`. Messages with a guarantee wait meanwhile, as
/// long as their expiry allows; those without one are treated as `ConnectionOptions.whileOffline` says.
public actor SinkConnection<Destination: Sink>: OneWayConnection {
    /// What the patterns keep for this connection.
    public nonisolated let runtime: ConnectionRuntime
    /// What the sink gives.
    public nonisolated let capabilities: Capabilities
    /// The thread that the sink works on; `nil` if it has none of its own.
    public nonisolated let taskExecutor: (any TaskExecutor)?
    private nonisolated let sink: Destination
    private nonisolated let queue: SinkQueue
    private nonisolated let offline: OfflinePolicy
    /// Delivers. Owned: the connection ends it, and waits for its end.
    private nonisolated let courier: Task<Void, Never>

    /// A connection that delivers at once. It is to be closed.
    ///
    /// - Parameters:
    ///   - sink: where messages go.
    ///   - name: what the connection is called in the log; by default one that no other has.
    ///   - options: how messages are gathered and tried again.
    ///   - connection: what is said of any connection; its name is that above, if there is one.
    public init(
        _ sink: Destination,
        name: String? = nil,
        options: SinkOptions = SinkOptions(),
        connection: ConnectionOptions = ConnectionOptions()
    ) {
        var connection = connection
        if let name { connection.name = name }
        self.sink = sink
        capabilities = sink.capabilities
        taskExecutor = sink.taskExecutor
        offline = connection.whileOffline
        runtime = ConnectionRuntime(options: connection)
        queue = SinkQueue(options)
        let work = SinkCourier(sink: sink, queue: queue, options: options, runtime: runtime)
        courier = Task(executorPreference: sink.taskExecutor) { await work.run() }
        runtime.linkOpened()
    }

    deinit { courier.cancel() }

    // MARK: Publishing

    /// Delivers a message to the sink.
    public nonisolated func publish(_ message: Message, to topic: TopicName, options: PublishOptions) async throws {
        try await beginPublishing(message, to: topic, options: options).wait()
    }

    /// Gives a message its place in the next batch.
    public nonisolated func beginPublishing(
        _ message: Message,
        to topic: TopicName,
        options: PublishOptions
    ) async throws -> Confirmation {
        try runtime.check(publishing: message, to: topic, options, on: capabilities)
        let isAwaited = options.guarantee != .atMostOnce
        if !isAwaited, runtime.states.state != .connected {
            switch offline {
            case .fail: throw runtime.missingLink
            case .drop:
                runtime.count(\.droppedOffline, "a publish was dropped while the sink was away")
                return .confirmed
            // The queue is bounded, and the publisher waits for room in it.
            case .buffer: break
            }
        }
        var message = message
        // By which a sink tells one that it delivers again from another like it.
        if message.headers.messageID == nil { message.headers.messageID = runtime.random.text(for: .call) }
        let item = SinkItem(topic: topic, message: message)
        // Nobody waits for what the sink says of it.
        if !isAwaited, options.expiry == nil {
            try await queue.put(SinkEntry(item: item, word: nil), limit: nil)
            return .confirmed
        }
        let word = Promise<Void>()
        let timer = options.expiry.map { expiry in
            runtime.timers.schedule(at: runtime.timers.now + expiry) {
                let text = "the sink did not take the message to \(topic) within \(expiry)"
                word.end(.failure(MessagingError(.timeout, text)))
            }
        }
        do {
            try await queue.put(SinkEntry(item: item, word: word), limit: WaitLimit(options.expiry, of: runtime.timers))
        } catch {
            if let timer { runtime.timers.cancel(timer) }
            throw error
        }
        let confirmation = Confirmation(word, timer: timer, of: runtime.timers)
        if isAwaited { return confirmation }
        _ = try await confirmation.tellFailure { [runtime] in runtime.countRefusal(of: topic, $0) }
        return .confirmed
    }

    /// Has the sink read its files anew, such as a certificate.
    ///
    /// - Throws: what is wrong with them. It goes on with what it had.
    public nonisolated func reload() throws { try sink.reload() }

    // MARK: The end

    /// Closes the connection: what was published before is delivered first, for five seconds at most.
    public func close() async {
        await runtime.close { [self] in await leave() }
    }

    private func leave() async {
        queue.finish()
        let timer = runtime.timers.schedule(at: runtime.timers.now + .seconds(5)) { [courier] in courier.cancel() }
        await courier.value
        runtime.timers.cancel(timer)
        queue.close(runtime.missingLink).fail(runtime.missingLink, runtime)
        await sink.close()
    }
}
