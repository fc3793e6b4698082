import DequeModule
import Martlet
import Synchronization

/// Tells a source of the items that are done with, one after the other.
///
/// No more of them wait than the subscriptions may have unsettled, since each counts as unsettled until it has been told.
final class SourceAcknowledger<Origin: Source>: Sendable {
    private struct Entry: Sendable {
        let item: SourceItem
        let told: @Sendable () -> Void
    }

    private struct State {
        var waiting: Deque<Entry> = []
        /// Ended when there is one, or none will come.
        var arrival: Promise<Void>?
        var isFinished = false
    }

    private let source: Origin
    private let retry: Backoff
    private let runtime: ConnectionRuntime
    private let state = Mutex(State())

    init(_ source: Origin, _ retry: Backoff, _ runtime: ConnectionRuntime) {
        self.source = source
        self.retry = retry
        self.runtime = runtime
    }

    // MARK: From any thread

    /// An item is done with.
    ///
    /// - Parameter told: called when the source has been told, or can't be. Not called for what comes after ``finish()``, nor if
    ///   it is cancelled before: such an item comes again with the next run.
    func acknowledge(_ item: SourceItem, told: @escaping @Sendable () -> Void) {
        wake { state in
            if !state.isFinished { state.waiting.append(Entry(item: item, told: told)) }
        }
    }

    /// No more items come; the source is told of those that are there.
    func finish() { wake { $0.isFinished = true } }

    private func wake(_ change: (inout State) -> Void) {
        let arrival = state.withLock { state in
            change(&state)
            defer { state.arrival = nil }
            return state.arrival
        }
        arrival?.end(.success(()))
    }

    // MARK: The one that tells

    /// Until ``finish()``, or the task is cancelled.
    func run() async {
        while let entry = try? await next() {
            guard await tell(entry.item) else { return }
            entry.told()
        }
    }

    private func next() async throws -> Entry? {
        while true {
            let (entry, arrival): (Entry?, Promise<Void>?) = state.withLock { state in
                if let entry = state.waiting.popFirst() { return (entry, nil) }
                if state.isFinished { return (nil, nil) }
                let arrival = Promise<Void>()
                state.arrival = arrival
                return (nil, arrival)
            }
            guard let arrival else { return entry }
            try await arrival.value()
        }
    }

    /// - Returns: whether it is over with the item; `false`: the task is cancelled.
    private func tell(_ item: SourceItem) async -> Bool {
        var attempts = 0
        while true {
            do {
                try await source.acknowledge(item)
                return true
            } catch {
                if Task.isCancelled { return false }
                let passes = (error as? MessagingError)?.isRetriable ?? true
                guard passes, let delay = retry.delay(before: attempts) else {
                    runtime.tell(of: "acknowledge", "the source can't be told that a message is done with: \(error)")
                    return true
                }
                attempts += 1
                try? await runtime.timers.sleep(for: max(delay, (error as? RetryAfter)?.delay ?? .zero))
            }
        }
    }
}
