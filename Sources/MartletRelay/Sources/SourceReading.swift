import DequeModule
import Martlet
import MartletTransport
import Synchronization

/// Reads a source for one subscription, and opens it again when it has failed.
final class SourceReading<Origin: Source>: Sendable {
    /// What a durable subscription is called, and where its positions are kept.
    struct Place: Sendable {
        let name: String
        let file: PositionFile
        /// Where it begins.
        let position: String?
    }

    /// A message that the reader has given back.
    private struct Returned {
        let item: SourceItem
        let tag: UInt64
        let redeliveries: Int
    }

    /// Whether some thread hands out again what was given back.
    private enum Offering {
        case idle, underWay
        /// There was room meanwhile.
        case due
    }

    private struct State {
        var feed: SubscriptionFeed?
        var task: Task<Void, Never>?
        var progress = SourceProgress()
        /// Messages that the reader has given back, and there was no room for.
        var returned: Deque<Returned> = []
        var offering = Offering.idle
        /// Ended when another message may be handed out.
        var room: Promise<Void>?
        /// Whether nothing more comes from the source; what was handed out may still be given back.
        var hasEnded = false
        /// Whether its positions are not to be kept any more.
        var isForgotten = false
        var isOver = false
    }

    let place: Place?
    private let source: Origin
    private let pattern: TopicPattern
    private let limit: Int
    private let retry: Backoff
    private let acknowledger: SourceAcknowledger<Origin>
    private let runtime: ConnectionRuntime
    private let state = Mutex(State())
    /// Ended when the source was opened for the first time, or could not be.
    private let begun = Promise<Void>()

    init(
        _ source: Origin,
        _ pattern: TopicPattern,
        _ options: SubscribeOptions,
        at place: Place?,
        retry: Backoff,
        _ acknowledger: SourceAcknowledger<Origin>,
        on runtime: ConnectionRuntime
    ) {
        self.source = source
        self.pattern = pattern
        self.place = place
        self.retry = retry
        self.acknowledger = acknowledger
        self.runtime = runtime
        limit = options.limit
    }

    /// Begins to read, and returns once the source was opened or has failed to for the first time.
    func begin(_ feed: SubscriptionFeed) async throws {
        state.withLock { state in
            state.feed = feed
            guard !state.isOver else { return }
            // Owned: ended by `end()`, and waited for by the connection that closes.
            state.task = Task { await self.run() }
        }
        try await begun.value()
    }

    /// Whether it is at an end, so that another may have its place.
    var isOver: Bool { state.withLock { $0.isOver } }

    /// Reads no more. May be called from any thread.
    func end() {
        let task = state.withLock { state in
            state.isOver = true
            return state.task
        }
        task?.cancel()
        begun.end(.success(()))
    }

    /// Keeps no position of it any more, also none that is reached later. May be called from any thread.
    func forget() {
        state.withLock { state in
            state.isForgotten = true
            if let place { place.file.set(nil, for: place.name) }
        }
    }

    /// Ends it, and returns when nothing of it runs any more.
    func close() async {
        end()
        await state.withLock { $0.task }?.value
        state.withLock { $0.feed }?.finish()
    }

    // MARK: Reading

    private func run() async {
        var position = place?.position
        var history = LinkHistory(backoff: retry, steadyAfter: .zero)
        var attempts = 0
        while !Task.isCancelled {
            do {
                if position == nil, let beginning = try await source.beginning() {
                    position = beginning
                    state.withLock { keep(beginning, $0) }
                }
                let items = try await source.items(from: position)
                runtime.linkOpened()
                history.opened(at: runtime.timers.now)
                begun.end(.success(()))
                for try await item in items {
                    attempts = 0
                    position = item.position ?? position
                    if item.skipped > 0 {
                        runtime.count(\.undecodable, by: item.skipped, "the source has left out what it could not read")
                    }
                    try await handOut(item)
                }
                try Task.checkCancellation()
                return finish(nil)
            } catch {
                if Task.isCancelled { return }
                if let error = error as? MessagingError, !error.isRetriable { return finish(error) }
                runtime.note(error, "the source can't be read", &history)
                begun.end(.success(()))
                guard let delay = retry.delay(before: attempts) else {
                    let text = "the source could not be read in \(attempts + 1) attempts"
                    return finish(MessagingError(.notConnected, text, cause: error))
                }
                attempts += 1
                try? await runtime.timers.sleep(for: max(delay, (error as? RetryAfter)?.delay ?? .zero))
            }
        }
    }

    /// Nothing more comes. What is not settled may be given back, and is handed out again before the end.
    private func finish(_ error: MessagingError?) {
        begun.end(.success(()))
        if let error { runtime.linkFailed(error) }
        let feed = state.withLock { state in
            state.hasEnded = true
            guard error != nil || state.progress.count == 0 else { return nil as SubscriptionFeed? }
            state.isOver = true
            return state.feed
        }
        feed?.finish(throwing: error)
    }

    private func handOut(_ item: SourceItem) async throws {
        guard place != nil || source.acknowledgesItems else {
            guard pattern.matches(item.topic), let feed = state.withLock({ $0.feed }) else { return }
            return try await feed.deliver(Delivery(topic: item.topic, message: item.message))
        }
        while let room = waitForRoom() { try await room.value() }
        let (tag, feed) = state.withLock { ($0.progress.begin(item.position), $0.feed) }
        guard pattern.matches(item.topic), let feed else { return finish(tag) }
        try await feed.deliver(delivery(of: item, tag, redeliveries: 0))
    }

    /// What to wait for before another message is handed out: as many as the reader's limit may be unsettled.
    private func waitForRoom() -> Promise<Void>? {
        state.withLock { state in
            guard state.progress.count >= limit else { return nil }
            let room = Promise<Void>()
            state.room = room
            return room
        }
    }

    // MARK: Settling, from any thread

    private func delivery(of item: SourceItem, _ tag: UInt64, redeliveries: Int) -> Delivery {
        Delivery(topic: item.topic, message: item.message, redeliveries: redeliveries) { disposition in
            guard disposition == .requeue else { return self.settle(item, tag) }
            // What nobody reads any more comes again from the source, since its position is not reached.
            if self.isOver { return }
            let returned = Returned(item: item, tag: tag, redeliveries: redeliveries + 1)
            let begins = self.state.withLock { state in
                state.returned.append(returned)
                return state.offering == .idle
            }
            if begins { self.offerReturned() }
        }
    }

    private func settle(_ item: SourceItem, _ tag: UInt64) {
        guard source.acknowledgesItems else { return finish(tag) }
        acknowledger.acknowledge(item) { self.finish(tag) }
    }

    /// A message is done with.
    private func finish(_ tag: UInt64) {
        let (room, ended) = state.withLock { state in
            if let reached = state.progress.settle(tag) { keep(reached, state) }
            guard state.progress.count < limit else { return (nil as Promise<Void>?, nil as SubscriptionFeed?) }
            defer { state.room = nil }
            guard state.hasEnded, state.progress.count == 0, !state.isOver else { return (state.room, nil) }
            state.isOver = true
            return (state.room, state.feed)
        }
        room?.end(.success(()))
        ended?.finish()
    }

    /// Keeps a position that is reached: under the lock, since whoever forgets it has the last word.
    private func keep(_ position: String, _ state: borrowing State) {
        if let place, !state.isForgotten { place.file.set(position, for: place.name) }
    }

    /// Hands out again what was given back, as far as there is room. Called also when there is some.
    func offerReturned() {
        let begins = state.withLock { state in
            defer { state.offering = state.offering == .idle ? .underWay : .due }
            return state.offering == .idle
        }
        guard begins else { return }
        while let (next, feed) = nextReturned() {
            // One that is not taken is given back once more by being dropped.
            if feed.offer(delivery(of: next.item, next.tag, redeliveries: next.redeliveries)) == .taken {
                continue
            }
            let isDue = state.withLock { state in
                defer { state.offering = state.offering == .due ? .underWay : .idle }
                return state.offering == .due
            }
            guard isDue else { return }
        }
    }

    private func nextReturned() -> (Returned, SubscriptionFeed)? {
        state.withLock { state in
            guard !state.isOver, let feed = state.feed, let first = state.returned.popFirst() else {
                state.offering = .idle
                return nil
            }
            return (first, feed)
        }
    }
}
