import DequeModule
import ServiceLifecycle

/// Runs one direction of a ``Forward``.
///
/// One task reads the source and begins to pass each message on; a second one waits until the sink has taken each, in
/// order, and then acknowledges it at its source. At most a window of messages is between the two. A message that the
/// sink confirms at once does not pass through the second task.
struct ForwardPipeline: Sendable {
    private let direction: ForwardDirection
    private let context: RouteContext
    private let memory: ForwardMemory
    private let output: ForwardOutput
    private let burial: ForwardBurial
    private let settling: ForwardSettling

    init(_ direction: ForwardDirection, _ context: RouteContext) {
        self.direction = direction
        self.context = context
        memory = context.recorder.memory(direction.options)
        output = ForwardOutput(direction, to: context.sink, timers: context.timers)
        burial = ForwardBurial(direction, context, memory)
        settling = ForwardSettling(direction, context, memory, output, burial)
    }

    private var options: RouteOptions { direction.options }

    /// Runs until no more messages come.
    ///
    /// To pass a message on is short, and is done where it arrives: on the thread of the source's connection, unless the bridge
    /// was told to run elsewhere. What a transform does nobody knows, so that one that has a transform stays where the bridge
    /// runs.
    func run() async throws {
        let isPlaced = withUnsafeCurrentTask { $0?.unownedTaskExecutor != nil }
        let executor = isPlaced || direction.transform != nil ? nil : context.source.taskExecutor
        try await withTaskExecutorPreference(executor) { try await passOn() }
    }

    private func passOn() async throws {
        let source = try await open()
        context.recorder.reads(source)
        defer { context.recorder.reads(nil) }
        guard let options = options.store else {
            context.ready()
            return try await withGracefulShutdownHandler {
                try await pass(source)
            } onGracefulShutdown: {
                source.finish()
            }
        }
        let store = try await MessageStore.open(
            options,
            on: context.source.runtime.options.disk,
            timers: context.timers,
            window: direction.options.window,
            recorder: context.recorder,
            warn: context.warn
        )
        context.ready()
        let result: Result<Void, any Error>
        do {
            result = .success(try await pass(source, by: store))
        } catch {
            result = .failure(error)
        }
        await store.close()
        try result.get()
    }

    /// Between two brokers of MQTT the response topic that a message names is a topic of both. What is sent to a queue with one
    /// would be a call.
    private var keepsReplyTo: Bool {
        guard case (.topics, .topics) = (direction.source, direction.sink) else { return false }
        return context.source.runtime.names.isMQTT && context.sink.runtime.names.isMQTT
    }

    private func open() async throws -> Subscription {
        switch direction.source {
        case .queue(let queue):
            return try await context.source.consume(from: queue, options: ConsumeOptions(prefetch: options.window))
        case .topics(let pattern):
            let capabilities = context.source.capabilities
            return try await context.source.subscribe(
                to: pattern,
                options: SubscribeOptions(
                    overflow: options.overflow,
                    limit: options.window,
                    guarantee: direction.sourceGuarantee(capabilities),
                    retained: options.retain != .none && capabilities.contains(.retain),
                    noLocal: context.isInLoop && capabilities.contains(.noLocal),
                    retainAsPublished: direction.isToldOfRetained(by: capabilities),
                    durableName: direction.isDurable
                        ? "martlet.bridge.\(context.bridgeMark.bridge).\(pattern)" : nil
                )
            )
        }
    }

    // MARK: By way of the disk

    private func pass(_ source: Subscription, by store: MessageStore) async throws {
        let stored = store.deliveries
        try await withGracefulShutdownHandler {
            try await Self.together(
                {
                    defer { store.endIntake() }
                    try await keep(source, in: store)
                },
                { try await store.handOut() },
                { try await pass(stored) }
            )
        } onGracefulShutdown: {
            source.finish()
            // Messages that are written and not yet under way are there the next time.
            store.finish()
        }
    }

    /// Writes messages to the disk; in one go those that came while the ones before were written.
    private func keep(_ source: Subscription, in store: MessageStore) async throws {
        let arrived = Mailbox(limit: options.window, weight: .bytes(ForwardWindow.maximumBytes))
        try await Self.together(
            {
                defer { arrived.finish() }
                for try await delivery in source {
                    guard case .parked(let id) = arrived.offer(delivery, topic: delivery.topic) else { continue }
                    try await arrived.waitUntilAdmitted(id)
                }
            },
            {
                defer { arrived.discard() }
                while true {
                    var batch: Deque<Delivery> = []
                    try await arrived.next(into: &batch)
                    if batch.isEmpty { return }
                    for delivery in batch where !store.takes(delivery) { try await bury(tooLarge: delivery) }
                    batch.removeAll { !store.takes($0) }
                    try await store.take(batch)
                }
            }
        )
    }

    /// Makes a dead letter of a message that the store can't take: it would hold up all that come after it.
    private func bury(tooLarge delivery: Delivery) async throws {
        var entry = ForwardEntry(delivery, begun: context.timers.now)
        entry.firstTime = WallClock.nanoseconds
        context.recorder.begins()
        try await burial.bury(entry, MessagingError(.bodyTooLarge, "the message is larger than the route's store"))
    }

    /// Runs tasks until all have ended, or one has failed.
    private static func together(_ tasks: (@Sendable () async throws -> Void)...) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for task in tasks { group.addTask { try await task() } }
        }
    }

    // MARK: To the sink

    /// Passes deliveries on, until no more come and the sink has all of them.
    private func pass(_ deliveries: Subscription) async throws {
        let window = ForwardWindow(limit: options.window)
        try await Self.together(
            {
                defer { window.finish() }
                try await read(deliveries, into: window)
            },
            { try await settling.settle(window) }
        )
    }

    private func read(_ deliveries: Subscription, into window: ForwardWindow) async throws {
        var intake = try ForwardIntake(
            direction,
            from: context.source.capabilities,
            to: context.sink.capabilities,
            mark: context.bridgeMark,
            memory: memory,
            keepsReplyTo: keepsReplyTo,
            now: context.timers.now
        )
        let isQueue = direction.source.kind == .queue
        for try await delivery in deliveries {
            // Those of a queue that were fetched ahead go back, for others.
            if isQueue, Task.isShuttingDownGracefully { break }
            // One value all the way: each copy of it would count a dozen references.
            var entry = ForwardEntry(delivery, begun: context.timers.now)
            if try await accept(&entry, by: &intake) { try await begin(&entry, in: window) }
        }
    }

    /// Makes the message to pass on of a delivery.
    ///
    /// - Returns: whether there is one; if not, the delivery is settled.
    private func accept(_ entry: inout ForwardEntry, by intake: inout ForwardIntake) async throws -> Bool {
        if options.deadLetters != nil { entry.firstTime = WallClock.nanoseconds }
        if let counter = intake.screen(&entry) { return drop(entry, counter) }
        do {
            if let transform = direction.transform {
                let made = try await transform(entry.delivery, context.source.runtime, context.sink.runtime)
                guard let made else { return drop(entry, \.filtered) }
                entry.message = made
            }
        } catch {
            try Task.checkCancellation()
            context.recorder.begins()
            try await burial.bury(entry, error)
            return false
        }
        switch intake.select(&entry) {
        case .take: break
        case .drop(let counter): return drop(entry, counter)
        case .bury(let error):
            context.recorder.begins()
            try await burial.bury(entry, error)
            return false
        }
        while let wait = intake.waitForRate(at: context.timers.now) {
            if options.rate?.excess == .drop { return drop(entry, \.overRate) }
            try await context.timers.sleep(for: wait)
        }
        memory.passes(&entry)
        if intake.prepare(&entry) { context.mark(&entry.message, origin: entry.delivery.topic.text) }
        context.recorder.begins()
        return true
    }

    private func drop(_ entry: ForwardEntry, _ counter: WritableKeyPath<RouteStatistics, Int>) -> Bool {
        memory.abandon(entry)
        context.recorder.update { statistics in
            statistics.received += 1
            statistics[keyPath: counter] += 1
        }
        try? entry.delivery.ack()
        return false
    }

    /// Begins to pass a message on, and gives it its place among those under way.
    private func begin(_ entry: inout ForwardEntry, in window: ForwardWindow) async throws {
        if !entry.isRepeated {
            do {
                entry.confirmation = try await output.begin(entry)
            } catch {
                try await settling.tryAgain(entry, after: error)
                return
            }
            if entry.confirmation.isConfirmed { return settling.arrived(entry) }
        }
        try await window.add(entry)
    }
}
