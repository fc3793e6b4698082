import DequeModule
import ServiceLifecycle

/// Runs one way of a ``Forward``.
///
/// One task reads the source and gives each message its place among those under way to the sink; a second one waits for
/// the sink's word on each, in order, and then acknowledges it at its source. At most a window of messages is between
/// the two. A message that the sink confirms at once does not pass through the second task.
struct ForwardPipeline: Sendable {
    /// A message under way.
    struct Entry: Sendable {
        let delivery: Delivery
        let message: Message
        let topic: TopicName
        /// The message's own ID, where duplicates are looked for.
        let id: String?
        /// Whether the sink is to keep it for later subscribers, or to delete what it has kept.
        let retain: Bool
        let begun: Duration
        /// Nanoseconds since 1970.
        let firstTime: Int64
        var confirmation = Confirmation.confirmed
        /// Whether the same message is under way already: what becomes of that one decides about this one.
        var isRepeated = false
        var attempts = 1
    }

    let leg: ForwardLeg
    let context: RouteContext
    let memory: ForwardMemory
    private let window: Mailbox<Entry>
    private let publishing: PublishOptions
    private let sending: SendOptions

    var source: any Connection { context.source }
    var sink: any Connection { context.sink }
    var options: RouteOptions { leg.options }

    init(_ leg: ForwardLeg, _ context: RouteContext) {
        self.leg = leg
        self.context = context
        memory = context.recorder.memory(leg.options)
        window = Mailbox(limit: leg.options.window)
        let guarantee = leg.sinkGuarantee(context.sink.capabilities)
        publishing = PublishOptions(guarantee: guarantee, expiry: leg.options.expiry)
        sending = SendOptions(guarantee: guarantee, expiry: leg.options.expiry)
    }

    func run() async throws {
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
            window: leg.options.window,
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

    /// Passes on what a source has by way of the disk.
    private func pass(_ source: Subscription, by store: MessageStore) async throws {
        let stored = store.deliveries
        try await withGracefulShutdownHandler {
            try await Self.together(
                {
                    defer { store.finish() }
                    try await takeIn(source, store)
                },
                { try await store.handOut() },
                { try await pass(stored) }
            )
        } onGracefulShutdown: {
            source.finish()
            // What is written and not yet under way is there the next time.
            store.finish()
        }
    }

    /// Writes what comes to the disk, as much at a time as has come meanwhile.
    private func takeIn(_ source: Subscription, _ store: MessageStore) async throws {
        let arrived = Mailbox<Delivery>(limit: options.window)
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
                    try await store.take(batch, timers: context.timers)
                }
            }
        )
    }

    /// Runs tasks until all have ended, or one has failed.
    private static func together(_ tasks: (@Sendable () async throws -> Void)...) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for task in tasks { group.addTask { try await task() } }
        }
    }

    /// Passes on what comes, until that ends and the sink has all of it.
    private func pass(_ deliveries: Subscription) async throws {
        try await Self.together(
            {
                defer { window.finish() }
                try await read(deliveries)
            },
            {
                // Whoever waits for room in the window waits for nobody when this has failed.
                do {
                    try await settle()
                } catch {
                    window.discard()
                    throw error
                }
            }
        )
    }

    /// Whether the source tells of each message whether its publisher has it kept.
    private var tellsRetained: Bool { options.retain == .kept && source.capabilities.contains(.retainAsPublished) }

    private func open() async throws -> Subscription {
        switch leg.source {
        case .queue(let queue):
            return try await source.consume(from: queue, options: ConsumeOptions(prefetch: options.window))
        case .topics(let pattern):
            let capabilities = source.capabilities
            return try await source.subscribe(
                to: pattern,
                options: SubscribeOptions(
                    overflow: options.overflow,
                    limit: options.window,
                    guarantee: leg.sourceGuarantee(capabilities),
                    retained: options.retain != .none && capabilities.contains(.retain),
                    noLocal: context.isInLoop && capabilities.contains(.noLocal),
                    retainAsPublished: tellsRetained,
                    durableName: leg.isDurable ? "martlet.bridge.\(context.stamp.bridge).\(pattern)" : nil
                )
            )
        }
    }

    // MARK: Reading

    private func read(_ deliveries: Subscription) async throws {
        var intake = try ForwardIntake(leg, now: context.timers.now)
        let isQueue = leg.source.kind == .queue
        for try await delivery in deliveries {
            // Those of a queue that were fetched ahead go back, for others.
            if isQueue, Task.isShuttingDownGracefully { break }
            guard let entry = try await prepare(delivery, &intake) else { continue }
            try await begin(entry)
        }
    }

    /// What is to be passed on of a delivery; `nil` if nothing is, and then it is settled.
    private func prepare(_ delivery: Delivery, _ intake: inout ForwardIntake) async throws -> Entry? {
        func drop(_ counter: WritableKeyPath<RouteStatistics, Int>) -> Entry? {
            context.recorder.update { statistics in
                statistics.received += 1
                statistics[keyPath: counter] += 1
            }
            try? delivery.ack()
            return nil
        }
        switch context.stamp.verdict(on: delivery.message.headers) {
        case .pass: break
        case .loop, .tooFar: return drop(\.looped)
        }
        let now = context.timers.now
        let id = memory.looksForDuplicates ? delivery.message.headers.messageID : nil
        let isRepeated: Bool
        switch id.map(memory.begin) ?? .new {
        case .arrived: return drop(\.duplicates)
        case .underWay: isRepeated = true
        case .new: isRepeated = false
        }
        /// One that goes no further makes room for another of its ID.
        func leave() { if let id, !isRepeated { memory.abandon(id) } }
        func entry(_ message: Message, _ topic: TopicName, retain: Bool = false) -> Entry {
            Entry(
                delivery: delivery,
                message: message,
                topic: topic,
                id: id,
                retain: retain,
                begun: now,
                firstTime: options.deadLetters == nil ? 0 : WallClock.nanoseconds,
                isRepeated: isRepeated
            )
        }
        var message = delivery.message
        do {
            if let transform = leg.transform {
                guard let made = try await transform(delivery, source.runtime, sink.runtime) else {
                    leave()
                    return drop(\.filtered)
                }
                message = made
            }
        } catch {
            leave()
            try Task.checkCancellation()
            count()
            try await bury(entry(message, delivery.topic), error)
            return nil
        }
        guard let topic = intake.topic(for: delivery, leg) else {
            leave()
            count()
            let text = "no topic can be made of \(quoted(delivery.topic.text)) by \(quoted(leg.name))"
            try await bury(entry(message, delivery.topic), MessagingError(.invalidTopic, text))
            return nil
        }
        guard memory.isDue(message.body, for: topic, at: now) else {
            leave()
            return drop(\.unchanged)
        }
        guard intake.samples(topic, at: now) else {
            leave()
            return drop(\.sampledOut)
        }
        while let wait = intake.waitForRate(at: context.timers.now) {
            if options.rate?.excess == .drop {
                leave()
                return drop(\.overRate)
            }
            try await context.timers.sleep(for: wait)
        }
        // An address of one broker means nothing at another.
        if !message.headers.isEmpty { message.headers.replyTo = nil }
        var retain = retains(delivery)
        if !retain || !message.body.isEmpty || sink.capabilities.contains(.separateHeaders) {
            intake.passes(topic)
            context.mark(&message, origin: delivery.topic.text)
        } else if intake.mayDelete(topic) {
            // In an envelope it would be kept.
            message.headers = Headers()
        } else {
            // It was deleted already, and what comes now may be that very message, from a circle.
            retain = false
            context.mark(&message, origin: delivery.topic.text)
        }
        count()
        return entry(message, topic, retain: retain)
    }

    private func count() {
        context.recorder.update { statistics in
            statistics.received += 1
            statistics.inFlight += 1
        }
    }

    /// Gives a message its place among those under way.
    private func begin(_ entry: Entry) async throws {
        var entry = entry
        if !entry.isRepeated {
            do {
                entry.confirmation = try await attempt(entry)
            } catch {
                try await goOn(entry, after: error)
                return
            }
            if entry.confirmation.isConfirmed { return arrived(entry) }
        }
        guard case .parked(let id) = window.offer(entry, topic: entry.topic) else { return }
        try await window.waitUntilAdmitted(id)
    }

    private func attempt(_ entry: Entry) async throws -> Confirmation {
        switch leg.sink {
        case .queue(let queue):
            return try await sink.beginSending(entry.message, to: queue, options: sending)
        case .topics:
            var publishing = publishing
            publishing.retain = entry.retain
            return try await sink.beginPublishing(entry.message, to: entry.topic, options: publishing)
        }
    }

    private func retains(_ delivery: Delivery) -> Bool {
        guard case (.topics, .topics) = (leg.source, leg.sink), sink.capabilities.contains(.retain) else {
            return false
        }
        switch options.retain {
        case .all: return true
        case .kept:
            if delivery.isRetained || tellsRetained { return delivery.isRetained }
            // What was kept is deleted by an empty message, and those are rarely anything else.
            return delivery.message.body.isEmpty && source.capabilities.contains(.retain)
        case .none: return false
        }
    }

    // MARK: Settling

    private func settle() async throws {
        var batch: Deque<Entry> = []
        /// When the sink last took a message that it had not taken before.
        var recovery: Duration?
        while true {
            try await window.next(into: &batch)
            if batch.isEmpty { return }
            while let entry = batch.popFirst() {
                if entry.isRepeated {
                    try await settleRepeated(entry)
                    continue
                }
                do {
                    try await entry.confirmation.wait()
                } catch {
                    // What was under way with one that has been taken by now failed with it, and need not wait again.
                    let isDue = recovery.map { entry.begun <= $0 } ?? false
                    if try await goOn(entry, after: error, isDue: isDue) { recovery = context.timers.now }
                    continue
                }
                arrived(entry)
            }
        }
    }

    /// The first of the same message has been settled by now, for they are settled in order.
    private func settleRepeated(_ entry: Entry) async throws {
        if let id = entry.id, case .new = memory.begin(id) {
            do {
                try await attempt(entry).wait()
                arrived(entry)
            } catch {
                try await goOn(entry, after: error)
            }
            return
        }
        context.recorder.update { statistics in
            statistics.duplicates += 1
            statistics.inFlight -= 1
        }
        try? entry.delivery.ack()
    }

    /// The sink has it. What can't be acknowledged, because the link over which it came was lost, comes again.
    private func arrived(_ entry: Entry) {
        memory.arrived(entry, at: context.timers.now)
        try? entry.delivery.ack()
        let lag = context.timers.now - entry.begun
        context.recorder.update { statistics in
            statistics.forwarded += 1
            statistics.inFlight -= 1
            statistics.lag = lag
        }
    }

    // MARK: Failures

    /// Tries a message again that the sink has not taken, as long as that makes sense; then it is a dead letter.
    ///
    /// - Parameter isDue: whether the first time is at once.
    /// - Returns: whether the sink has taken it.
    @discardableResult
    private func goOn(_ entry: Entry, after error: any Error, isDue: Bool = false) async throws -> Bool {
        var entry = entry
        var error = error
        while true {
            try Task.checkCancellation()
            if let error = error as? MessagingError, error.code == .connectionClosed { throw error }
            guard isWorthTrying(entry, after: error), let delay = options.retry.delay(before: entry.attempts - 1) else {
                try await bury(entry, error)
                return false
            }
            context.warn("a message could not be passed on and is tried again", error)
            context.recorder.update { $0.retried += 1 }
            if !isDue || entry.attempts > 1 { try await context.timers.sleep(for: delay) }
            entry.attempts += 1
            do {
                try await attempt(entry).wait()
                arrived(entry)
                return true
            } catch let other {
                error = other
            }
        }
    }

    private func isWorthTrying(_ entry: Entry, after error: any Error) -> Bool {
        guard let error = error as? MessagingError, error.isRetriable else { return false }
        if let expiry = options.expiry, context.timers.now - entry.begun >= expiry { return false }
        // It may have arrived, and is to arrive at most once.
        return error.code != .connectionLost || sending.guarantee > .atMostOnce
    }

    /// Puts a message where dead letters go. It is held, and its source with it, until that is done.
    private func bury(_ entry: Entry, _ reason: any Error) async throws {
        if let id = entry.id { memory.abandon(id) }
        context.warn("a message could not be passed on", reason)
        guard let deadLetters = options.deadLetters else { return lose(entry) }
        let letter = deadLetter(entry, reason)
        let connection = context[deadLetters.side ?? leg.side]
        var attempts = 0
        while true {
            do {
                try await connection.send(letter, to: deadLetters.queue)
                try? entry.delivery.ack()
                return context.recorder.update { statistics in
                    statistics.dead += 1
                    statistics.inFlight -= 1
                }
            } catch {
                try Task.checkCancellation()
                guard let error = error as? MessagingError, error.code != .connectionClosed else { throw error }
                guard error.isRetriable else {
                    context.warn("a dead letter could not be kept", error)
                    return lose(entry)
                }
                try await context.timers.sleep(for: Backoff().delay(before: attempts) ?? .seconds(30))
                attempts += 1
            }
        }
    }

    private func lose(_ entry: Entry) {
        try? entry.delivery.nack(requeue: false)
        context.recorder.update { statistics in
            statistics.lost += 1
            statistics.inFlight -= 1
        }
    }

    private func deadLetter(_ entry: Entry, _ reason: any Error) -> Message {
        var letter = entry.delivery.message
        let error = reason as? MessagingError
        let text = error.map { "\($0.code): \($0.message)" } ?? "\(MessagingError.Code.handlerFailed): \(reason)"
        letter.headers.replyTo = nil
        letter.headers[Headers.Standard.deathReason] = .string(String(text.prefix(1_024)))
        letter.headers[Headers.Standard.deathTopic] = .string(entry.delivery.topic.text)
        letter.headers[Headers.Standard.deathDeliveries] = .integer(Int64(entry.attempts))
        letter.headers[Headers.Standard.deathFirstTime] = .integer(entry.firstTime)
        letter.headers[Headers.Standard.deathLastTime] = .integer(WallClock.nanoseconds)
        letter.headers[Headers.Standard.deathBridge] = .string(context.stamp.bridge)
        return letter
    }
}
