public import DequeModule
public import Martlet
public import Synchronization

/// Elements that tasks have given to a connection, and that its loop has not yet taken to send: bounded, many producers,
/// one taker.
///
/// So a publish costs a lock and no hop to the loop's thread, which is woken only by the first element. The loop takes
/// all that waits at once. A producer that finds the outbox full waits, in its turn, until the loop has taken that: the
/// memory holds at most twice the limit, once taken and once waiting.
@usableFromInline
package final class Outbox<Element: Sendable>: Sendable {
    @usableFromInline
    struct Entry: Sendable {
        @usableFromInline let element: Element
        @usableFromInline let bytes: Int

        @inlinable
        init(element: Element, bytes: Int) {
            self.element = element
            self.bytes = bytes
        }
    }

    @usableFromInline typealias Room = WaitingRoom<Entry>

    @usableFromInline
    struct State {
        @usableFromInline var waiting: Deque<Entry>
        @usableFromInline var bytes: Int
        @usableFromInline var parked: Room
        @usableFromInline var closed: (any Error)?

        @inlinable
        init() {
            waiting = []
            bytes = 0
            parked = Room()
            closed = nil
        }
    }

    @usableFromInline
    enum Outcome {
        /// It is in, and there was nothing before.
        case isFirst
        case isIn
        case parked(UInt64)
    }

    @usableFromInline let limit: Int
    @usableFromInline let maximumBytes: Int
    @usableFromInline let wake: @Sendable () -> Void
    @usableFromInline let state: Mutex<State>
    // Proof: touched by the members that are for the loop alone, and so by one thread at a time.
    @usableFromInline nonisolated(unsafe) var taken: Deque<Entry>

    /// - Parameters:
    ///   - limit: how many elements may wait.
    ///   - maximumBytes: how many bytes may wait; one element may always be larger.
    ///   - wake: called, outside the lock, when there is something to take and was not before.
    @inlinable
    package init(limit: Int, maximumBytes: Int, wake: @escaping @Sendable () -> Void) {
        self.limit = max(1, limit)
        self.maximumBytes = maximumBytes
        self.wake = wake
        state = Mutex(State())
        taken = []
    }

    @inlinable deinit {}

    /// How many elements wait, in the outbox or for room in it. For the loop alone.
    @inlinable package var count: Int { taken.count + state.withLock { $0.waiting.count + $0.parked.count } }

    /// Puts an element in, once there is room. Elements that one task puts in stay in order.
    ///
    /// - Parameter limit: how long it may wait for room; `nil`: as long as it takes.
    /// - Throws: the error the outbox was closed with; `CancellationError` or `MessagingError.Code.timeout` while it waits
    ///   for room, and then the element is not taken.
    @inlinable
    package func put(_ element: Element, bytes: Int, limit: WaitLimit? = nil) async throws {
        switch try offer(Entry(element: element, bytes: bytes)) {
        case .isFirst: wake()
        case .isIn: break
        case .parked(let id): try await waitForRoom(id, limit)
        }
    }

    @inlinable
    func offer(_ entry: Entry) throws -> Outcome {
        try state.withLock { state in
            if let closed = state.closed { throw closed }
            guard state.parked.isEmpty, hasRoom(for: entry.bytes, state) else {
                return .parked(state.parked.park(entry))
            }
            let isFirst = state.waiting.isEmpty
            append(entry, &state)
            return isFirst ? .isFirst : .isIn
        }
    }

    @usableFromInline
    func waitForRoom(_ id: UInt64, _ limit: WaitLimit?) async throws {
        try await Room.wait(for: id, limit: limit) { body in self.state.withLock { body(&$0.parked) } }
    }

    /// The element that has waited longest; `nil` if none waits. For the loop alone.
    @inlinable
    package func takeFirst() -> Element? {
        if taken.isEmpty { takeAll() }
        return taken.popFirst()?.element
    }

    /// Takes all that waits in one go, so that the loop and the producers meet at the lock once a batch.
    @inlinable
    func takeAll() {
        let admitted: [Room.Producer] = state.withLock { state in
            guard !state.waiting.isEmpty else { return [] }
            swap(&taken, &state.waiting)
            state.bytes = 0
            return admitParked(&state)
        }
        for producer in admitted { producer.resume() }
    }

    /// Takes out, wherever they are in the order, all elements that satisfy a condition. For the loop alone.
    package func removeAll(where condition: (Element) -> Bool) -> [Element] {
        var removed: [Element] = []
        func keeps(_ entry: Entry) -> Bool {
            guard condition(entry.element) else { return true }
            removed.append(entry.element)
            return false
        }
        taken = taken.filter(keeps)
        let admitted: [Room.Producer] = state.withLock { state in
            let before = state.waiting.count
            state.waiting = state.waiting.filter(keeps)
            guard state.waiting.count < before else { return [] }
            state.bytes = state.waiting.reduce(0) { $0 + $1.bytes }
            return admitParked(&state)
        }
        for producer in admitted { producer.resume() }
        return removed
    }

    /// Ends it: producers that wait throw the error, as later ones do. For the loop alone.
    ///
    /// - Returns: the elements that were in it.
    package func close(_ error: any Error) -> [Element] {
        let (waiting, producers): (Deque<Entry>, [Room.Producer]) = state.withLock { state in
            guard state.closed == nil else { return ([], []) }
            state.closed = error
            let waiting = taken + state.waiting
            taken = []
            state.waiting = []
            state.bytes = 0
            return (waiting, state.parked.failAll(error))
        }
        for producer in producers { producer.resume(throwing: error) }
        return waiting.map(\.element)
    }

    // MARK: Under the lock

    @inlinable
    func hasRoom(for bytes: Int, _ state: borrowing State) -> Bool {
        state.waiting.isEmpty || (state.waiting.count < limit && state.bytes + bytes <= maximumBytes)
    }

    @inlinable
    func append(_ entry: Entry, _ state: inout State) {
        state.waiting.append(entry)
        state.bytes += entry.bytes
    }

    /// Lets in the producers that have waited longest, as far as there is room.
    @inlinable
    func admitParked(_ state: inout State) -> [Room.Producer] {
        guard !state.parked.isEmpty else { return [] }
        var admitted: [Room.Producer] = []
        while let entry = state.parked.first, hasRoom(for: entry.bytes, state) {
            let parked = state.parked.popFirst()
            append(entry, &state)
            // One that has not got as far as waiting finds out by itself.
            if let producer = parked?.continuation { admitted.append(producer) }
        }
        return admitted
    }
}
