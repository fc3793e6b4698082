import DequeModule
import Martlet
import Synchronization

/// The messages that wait for a batch: bounded, many producers, one taker. A producer that finds no room waits in its turn.
final class SinkQueue: Sendable {
    private typealias Room = WaitingRoom<SinkEntry>

    private struct State {
        var waiting: Deque<SinkEntry> = []
        var bytes = 0
        var parked = Room()
        var isFinished = false
        var closed: (any Error)?
        /// Ended when as many wait as the taker wants.
        var arrival: (count: Int, promise: Promise<Void>)?

        mutating func append(_ entry: SinkEntry) {
            waiting.append(entry)
            bytes += entry.bytes
        }

        /// Takes out what the taker waits for, if it is there.
        mutating func arrived() -> Promise<Void>? {
            guard let arrival, isFinished || waiting.count >= arrival.count else { return nil }
            self.arrival = nil
            return arrival.promise
        }
    }

    private let maximumItems: Int
    private let maximumBytes: Int
    private let state = Mutex(State())

    /// As many as two batches may wait.
    init(_ options: SinkOptions) {
        maximumItems = max(1, options.maximumItems) * 2
        maximumBytes = max(1, options.maximumBytes) * 2
    }

    // MARK: From any thread

    /// Puts a message in, once there is room.
    ///
    /// - Parameter limit: how long it may wait for room; `nil`: as long as it takes.
    /// - Throws: what the queue was closed with; `CancellationError` or `MessagingError.Code.timeout` while it waits for room,
    ///   and then the message is not taken.
    func put(_ entry: SinkEntry, limit: WaitLimit?) async throws {
        let (arrival, place): (Promise<Void>?, UInt64?) = try state.withLock { state in
            if let closed = state.closed { throw closed }
            guard !state.isFinished else { throw MessagingError.closed }
            guard state.parked.isEmpty, hasRoom(for: entry, state) else { return (nil, state.parked.park(entry)) }
            state.append(entry)
            return (state.arrived(), nil)
        }
        arrival?.end(.success(()))
        guard let place else { return }
        try await Room.wait(for: place, limit: limit) { body in self.state.withLock { body(&$0.parked) } }
    }

    /// No more messages come; those that are there are taken.
    func finish() {
        let arrival = state.withLock { state in
            state.isFinished = true
            return state.arrived()
        }
        arrival?.end(.success(()))
    }

    /// Ends it: those who put messages in, or wait for room, get an error.
    ///
    /// - Returns: the messages that waited, which nobody will take.
    func close(_ error: any Error) -> SinkBatch {
        let (waiting, producers): (SinkBatch, [Room.Producer]) = state.withLock { state in
            guard state.closed == nil else { return (SinkBatch(), []) }
            state.closed = error
            var waiting = SinkBatch()
            while let entry = state.waiting.popFirst() { waiting.append(entry) }
            state.bytes = 0
            return (waiting, state.parked.failAll(error))
        }
        for producer in producers { producer.resume(throwing: error) }
        return waiting
    }

    // MARK: For the taker alone

    /// What ends when so many messages wait, or no more come; `nil` if that is so now.
    func arrival(of count: Int) -> Promise<Void>? {
        state.withLock { state in
            guard !state.isFinished, state.waiting.count < count else { return nil }
            let promise = Promise<Void>()
            state.arrival = (count, promise)
            return promise
        }
    }

    /// Takes the messages that have waited longest, without those that nobody waits for any more. None: there are none.
    func take(items: Int, bytes: Int) -> SinkBatch {
        let (batch, admitted): (SinkBatch, [Room.Producer]) = state.withLock { state in
            var batch = SinkBatch()
            var size = 0
            while let next = state.waiting.first, batch.count < items, batch.isEmpty || size + next.bytes <= bytes {
                state.waiting.removeFirst()
                state.bytes -= next.bytes
                guard !next.isAbandoned else { continue }
                batch.append(next)
                size += next.bytes
            }
            return (batch, admitParked(&state))
        }
        for producer in admitted { producer.resume() }
        return batch
    }

    /// Whether no message waits, and none will come.
    var isOver: Bool { state.withLock { $0.isFinished && $0.waiting.isEmpty && $0.parked.isEmpty } }

    // MARK: Under the lock

    private func hasRoom(for entry: SinkEntry, _ state: borrowing State) -> Bool {
        state.waiting.isEmpty
            || (state.waiting.count < maximumItems && state.bytes + entry.bytes <= maximumBytes)
    }

    private func admitParked(_ state: inout State) -> [Room.Producer] {
        var admitted: [Room.Producer] = []
        while let entry = state.parked.first, hasRoom(for: entry, state) {
            let parked = state.parked.popFirst()
            state.append(entry)
            // One that has not got as far as waiting finds out by itself.
            if let producer = parked?.continuation { admitted.append(producer) }
        }
        return admitted
    }
}
