import DequeModule
import Martlet
import Synchronization

/// What an ``Outbox`` does, with elements of any type: in parcels, so that none of it is generic code. That would be looked
/// up and called for each element by what its type says at run time, since it is used by other modules than this one.
final class OutboxCore: Sendable {
    /// What holds an element.
    class Parcel: @unchecked Sendable {
        // Proof: it has nothing itself, and its one subclass holds a sendable constant.
        init() {}
    }

    private struct Entry {
        let element: Parcel
        let bytes: Int
    }

    private struct State {
        var waiting: Deque<Entry> = []
        var bytes = 0
        var parked = ParkingLot<Entry>()
        /// Whether anyone may be parked: if not, there is no need to ask ``parked``, which is generic code.
        var hasParked = false
        /// Those whose producer was cancelled before it had begun to wait, and does not know yet.
        var withdrawn: Set<UInt64> = []
        var closed: (any Error)?
    }

    private enum Outcome {
        /// It is in, and there was nothing before.
        case isFirst
        case isIn
        case parked(UInt64)
    }

    private typealias Producer = CheckedContinuation<Void, any Error>

    private let limit: Int
    private let maximumBytes: Int
    private let wake: @Sendable () -> Void
    private let state = Mutex(State())
    // Proof: touched by the members that are for the loop alone, and so by one thread at a time.
    nonisolated(unsafe) private var taken: Deque<Entry> = []

    /// - Parameters:
    ///   - limit: how many elements may wait.
    ///   - maximumBytes: how many bytes may wait; one element may always be larger.
    ///   - wake: called, outside the lock, when there is something to take and was not before.
    init(limit: Int, maximumBytes: Int, wake: @escaping @Sendable () -> Void) {
        self.limit = max(1, limit)
        self.maximumBytes = maximumBytes
        self.wake = wake
    }

    /// How many elements wait, in the outbox or for room in it. For the loop alone.
    var count: Int { taken.count + state.withLock { $0.waiting.count + $0.parked.count } }

    /// Puts an element in, or parks it where there is no room.
    ///
    /// - Returns: by what its producer waits for room; `nil`: it is in.
    func offer(_ element: Parcel, bytes: Int) throws -> UInt64? {
        let outcome: Outcome = try state.withLock { state in
            if let closed = state.closed { throw closed }
            guard !state.hasParked || state.parked.isEmpty, hasRoom(for: bytes, state) else {
                state.hasParked = true
                return .parked(state.parked.park(Entry(element: element, bytes: bytes)))
            }
            let isFirst = state.waiting.isEmpty
            append(Entry(element: element, bytes: bytes), &state)
            return isFirst ? .isFirst : .isIn
        }
        switch outcome {
        case .isFirst: wake()
        case .isIn: break
        case .parked(let id): return id
        }
        return nil
    }

    /// Returns when what was parked is in.
    ///
    /// - Throws: the error the outbox was closed with; `CancellationError`, and then the element is not taken.
    func waitForRoom(_ id: UInt64, isolation: isolated (any Actor)? = #isolation) async throws {
        try await withTaskCancellationHandler {
            // Captured, it has this run where the caller runs.
            _ = isolation
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Void, any Error>? = state.withLock { state in
                    if state.withdrawn.remove(id) != nil { return .failure(CancellationError()) }
                    if Task.isCancelled, state.parked.remove(id: id) != nil { return .failure(CancellationError()) }
                    if state.parked.attach(continuation, to: id) { return nil }
                    return state.closed.map { .failure($0) } ?? .success(())
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let withdrawn = state.withLock { state in
                let withdrawn = state.parked.remove(id: id)
                if let withdrawn, withdrawn.continuation == nil { state.withdrawn.insert(id) }
                return withdrawn
            }
            withdrawn?.continuation?.resume(throwing: CancellationError())
        }
    }

    /// The element that has waited longest; `nil` if none waits. For the loop alone.
    func takeFirst() -> Parcel? {
        if taken.isEmpty { takeAll() }
        return taken.popFirst()?.element
    }

    /// Takes all that waits in one go, so that the loop and the producers meet at the lock once a batch.
    private func takeAll() {
        let admitted: [Producer] = state.withLock { state in
            guard !state.waiting.isEmpty else { return [] }
            swap(&taken, &state.waiting)
            state.bytes = 0
            return admitParked(&state)
        }
        for producer in admitted { producer.resume() }
    }

    /// Takes out, wherever they are in the order, all elements that satisfy a condition. For the loop alone.
    func removeAll(where condition: (Parcel) -> Bool) -> [Parcel] {
        var removed: [Parcel] = []
        func keeps(_ entry: Entry) -> Bool {
            guard condition(entry.element) else { return true }
            removed.append(entry.element)
            return false
        }
        taken = taken.filter(keeps)
        let admitted: [Producer] = state.withLock { state in
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
    /// - Returns: what was waiting.
    func close(_ error: any Error) -> [Parcel] {
        let (waiting, parked) = state.withLock { state in
            guard state.closed == nil else { return (Deque<Entry>(), [ParkingLot<Entry>.Parked]()) }
            state.closed = error
            let waiting = taken + state.waiting
            taken = []
            state.waiting = []
            state.bytes = 0
            var parked: [ParkingLot<Entry>.Parked] = []
            while let next = state.parked.popFirst() { parked.append(next) }
            return (waiting, parked)
        }
        for producer in parked { producer.continuation?.resume(throwing: error) }
        return waiting.map(\.element)
    }

    private func hasRoom(for bytes: Int, _ state: State) -> Bool {
        state.waiting.isEmpty || (state.waiting.count < limit && state.bytes + bytes <= maximumBytes)
    }

    private func append(_ entry: Entry, _ state: inout State) {
        state.waiting.append(entry)
        state.bytes += entry.bytes
    }

    /// Lets in the producers that have waited longest, as far as there is room.
    private func admitParked(_ state: inout State) -> [Producer] {
        guard state.hasParked else { return [] }
        var admitted: [Producer] = []
        while let entry = state.parked.first, hasRoom(for: entry.bytes, state) {
            let parked = state.parked.popFirst()
            append(entry, &state)
            // One that has not got as far as waiting finds out by itself.
            if let producer = parked?.continuation { admitted.append(producer) }
        }
        state.hasParked = !state.parked.isEmpty
        return admitted
    }
}
