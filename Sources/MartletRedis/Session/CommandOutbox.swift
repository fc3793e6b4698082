import DequeModule
import Martlet
import Synchronization

/// What tasks have given the session to send and its loop has not yet taken: bounded, many producers, one taker.
///
/// A publish is written here as it goes to the socket, into one piece of memory with those before it: that costs one lock
/// and no object, and those to one topic are one entry with a count. The loop is woken by the first entry alone, and
/// takes all that waits at once. A producer that finds the outbox full waits, in its turn, until it has: what is in memory
/// is at most twice the limit, once taken and once waiting.
final class CommandOutbox: Sendable {
    /// What is given to be sent.
    enum Item: Sendable {
        case publish([UInt8], TopicName)
        case awaited([UInt8], TopicName, Answer)
        case request(Request)

        /// About what it costs to keep.
        var cost: Int {
            switch self {
            case .publish(let body, _), .awaited(let body, _, _): body.count + 64
            case .request(let request): request.cost
            }
        }
    }

    /// Whether a publish without a guarantee is taken.
    enum Admission {
        case taken
        /// There is no link.
        case offline
    }

    /// Commands in order, and the bytes of the publishes among them.
    private struct Content: Sendable {
        var entries: Deque<CommandEntry> = []
        var bytes = ByteQueue()
    }

    private struct State {
        var content = Content()
        /// How many commands wait, and what they cost to keep.
        var count = 0
        var cost = 0
        /// The topic of the latest publish, and what its commands begin with.
        var head = CommandFormat.PublishHead()
        /// Whether the latest entry is of publishes to that topic.
        var isRunOpen = false
        var isConnected = false
        var parked = ParkingLot<Item>()
        /// How many are parked: to ask a lot of another module for each publish takes longer than the rest of it.
        var parkedCount = 0
        /// Those whose producer was cancelled before it had begun to wait, and does not know yet.
        var withdrawn: Set<UInt64> = []
        var closed: (any Error)?

        mutating func unpark(_ id: UInt64) -> ParkingLot<Item>.Parked? {
            guard let parked = parked.remove(id: id) else { return nil }
            parkedCount -= 1
            return parked
        }

        mutating func unparkFirst() -> ParkingLot<Item>.Parked? {
            guard let first = parked.popFirst() else { return nil }
            parkedCount -= 1
            return first
        }
    }

    private enum Outcome {
        /// It is in, and there was nothing before.
        case isFirst
        case isIn
        case parked(UInt64)
        case offline
    }

    private typealias Producer = CheckedContinuation<Void, any Error>

    /// After how many bytes a run of publishes ends: the loop takes one with all that it has.
    private static let largestRun = 64 << 10

    private let limit: Int
    private let maximumBytes: Int
    private let wake: @Sendable () -> Void
    private let state = Mutex(State())
    // Proof: touched by the members that are for the loop alone, and so by one thread at a time.
    nonisolated(unsafe) private var taken = Content()

    /// - Parameters:
    ///   - limit: how many commands may wait.
    ///   - maximumBytes: how many bytes may wait; one command may always be larger.
    ///   - wake: called, outside the lock, when there is something to take and was not before.
    init(limit: Int, maximumBytes: Int, wake: @escaping @Sendable () -> Void) {
        self.limit = max(1, limit)
        self.maximumBytes = maximumBytes
        self.wake = wake
    }

    // MARK: From any thread

    /// Puts a publish in whose answer nobody waits for, once there is room, if there is a link.
    ///
    /// - Throws: as ``put(_:)``.
    func publish(_ body: [UInt8], to topic: TopicName) async throws -> Admission {
        let outcome: Outcome = try state.withLock { state in
            if let closed = state.closed { throw closed }
            guard state.isConnected else { return .offline }
            guard hasRoom(for: body.count + 64, state) else { return park(.publish(body, topic), &state) }
            let isFirst = state.count == 0
            append(body, to: topic, &state)
            return isFirst ? .isFirst : .isIn
        }
        if case .offline = outcome { return .offline }
        try await follow(outcome)
        return .taken
    }

    /// Puts a command in, once there is room. Commands that one task puts in stay in order.
    ///
    /// - Throws: the error the outbox was closed with; `CancellationError` while it waits for room, and then the
    ///   command is not taken.
    func put(_ item: Item) async throws {
        let outcome: Outcome = try state.withLock { state in
            if let closed = state.closed { throw closed }
            guard hasRoom(for: item.cost, state) else { return park(item, &state) }
            let isFirst = state.count == 0
            append(item, &state)
            return isFirst ? .isFirst : .isIn
        }
        try await follow(outcome)
    }

    private func follow(_ outcome: Outcome) async throws {
        switch outcome {
        case .isFirst: wake()
        case .isIn, .offline: break
        case .parked(let id): try await waitForRoom(id)
        }
    }

    private func waitForRoom(_ id: UInt64, isolation: isolated (any Actor)? = #isolation) async throws {
        try await withTaskCancellationHandler {
            // Captured, it has this run where the caller runs.
            _ = isolation
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Void, any Error>? = state.withLock { state in
                    if state.withdrawn.remove(id) != nil { return .failure(CancellationError()) }
                    if Task.isCancelled, state.unpark(id) != nil { return .failure(CancellationError()) }
                    if state.parked.attach(continuation, to: id) { return nil }
                    return state.closed.map { .failure($0) } ?? .success(())
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let withdrawn = state.withLock { state in
                let withdrawn = state.unpark(id)
                if let withdrawn, withdrawn.continuation == nil { state.withdrawn.insert(id) }
                return withdrawn
            }
            withdrawn?.continuation?.resume(throwing: CancellationError())
        }
    }

    /// How many producers wait for room.
    var parkedCount: Int { state.withLock { $0.parkedCount } }

    // MARK: For the loop alone

    /// How many commands wait, in the outbox or for room in it.
    var count: Int { taken.entries.reduce(0) { $0 + $1.count } + state.withLock { $0.count + $0.parkedCount } }

    /// The command that has waited longest, or publishes that have; `nil` if none waits. What was abandoned is left out.
    ///
    /// - Parameter write: called with the bytes, where they are not with the command.
    func takeFirst(_ write: (UnsafeRawBufferPointer) -> Void) -> CommandEntry? {
        while true {
            if taken.entries.isEmpty { takeAll() }
            guard let entry = taken.entries.popFirst() else { return nil }
            defer { taken.bytes.consume(entry.bytes) }
            guard !entry.isAbandoned else { continue }
            if entry.bytes > 0 { taken.bytes.withUnsafeBytes(first: entry.bytes) { write($0) } }
            return entry
        }
    }

    /// Takes all that waits in one go, so that the loop and the producers meet at the lock once a batch.
    private func takeAll() {
        let admitted: [Producer] = state.withLock { state in
            guard state.count > 0 else { return [] }
            swap(&taken, &state.content)
            state.count = 0
            state.cost = 0
            state.isRunOpen = false
            return admitParked(&state)
        }
        for producer in admitted { producer.resume() }
    }

    /// There is a link.
    func connected() {
        state.withLock { $0.isConnected = true }
    }

    /// There is no link any more: takes out what has no guarantee. What is in the way of producers is taken in.
    func disconnected() -> [CommandEntry] {
        let (waiting, admitted): (Content, [Producer]) = state.withLock { state in
            state.isConnected = false
            let waiting = state.content
            state.content = Content()
            state.count = 0
            state.cost = 0
            state.isRunOpen = false
            for entry in waiting.entries where entry.isGuaranteed { append(entry, &state) }
            return (waiting, admitParked(&state))
        }
        for producer in admitted { producer.resume() }
        let all = taken.entries + waiting.entries
        taken = Content()
        taken.entries = Deque(all.prefix(all.count - waiting.entries.count).filter(\.isGuaranteed))
        return all.filter { !$0.isGuaranteed }
    }

    /// Ends it: producers that wait throw the error, as later ones do.
    ///
    /// - Returns: what was waiting.
    func close(_ error: any Error) -> [CommandEntry] {
        let (waiting, parked) = state.withLock { state in
            guard state.closed == nil else { return (Deque<CommandEntry>(), [ParkingLot<Item>.Parked]()) }
            state.closed = error
            let waiting = taken.entries + state.content.entries
            taken = Content()
            state.content = Content()
            state.count = 0
            state.cost = 0
            state.isRunOpen = false
            var parked: [ParkingLot<Item>.Parked] = []
            while let next = state.unparkFirst() { parked.append(next) }
            return (waiting, parked)
        }
        for producer in parked { producer.continuation?.resume(throwing: error) }
        return Array(waiting)
    }

    // MARK: Under the lock

    private func hasRoom(for cost: Int, _ state: borrowing State) -> Bool {
        guard state.parkedCount == 0 else { return false }
        return state.count == 0 || (state.count < limit && state.cost + cost <= maximumBytes)
    }

    private func park(_ item: Item, _ state: inout State) -> Outcome {
        state.parkedCount += 1
        return .parked(state.parked.park(item))
    }

    private func append(_ body: [UInt8], to topic: TopicName, _ state: inout State) {
        let isSame = state.head.prepare(for: topic)
        let bytes = CommandFormat.append(body, state.head, to: &state.content.bytes)
        state.count += 1
        state.cost += bytes
        let last = state.content.entries.count - 1
        if isSame, state.isRunOpen, state.content.entries[last].bytes < Self.largestRun {
            state.content.entries[last].count += 1
            state.content.entries[last].bytes += bytes
            return
        }
        state.content.entries.append(CommandEntry(.publishes(topic), bytes: bytes))
        state.isRunOpen = true
    }

    private func append(_ item: Item, _ state: inout State) {
        switch item {
        case .publish(let body, let topic):
            append(body, to: topic, &state)
        case .awaited(let body, let topic, let answer):
            _ = state.head.prepare(for: topic)
            let bytes = CommandFormat.append(body, state.head, to: &state.content.bytes)
            state.count += 1
            state.cost += bytes
            state.isRunOpen = false
            state.content.entries.append(CommandEntry(.awaited(answer), bytes: bytes))
        case .request(let request):
            append(CommandEntry(.request(request)), &state)
        }
    }

    /// Of one that has its bytes with it.
    private func append(_ entry: CommandEntry, _ state: inout State) {
        guard case .request(let request) = entry.kind else { return }
        state.count += 1
        state.cost += request.cost
        state.isRunOpen = false
        state.content.entries.append(entry)
    }

    /// Lets in the producers that have waited longest, as far as there is room.
    private func admitParked(_ state: inout State) -> [Producer] {
        var admitted: [Producer] = []
        while let item = state.parked.first,
            state.count == 0 || (state.count < limit && state.cost + item.cost <= maximumBytes)
        {
            let parked = state.unparkFirst()
            append(item, &state)
            // One that has not got as far as waiting finds out by itself.
            if let producer = parked?.continuation { admitted.append(producer) }
        }
        return admitted
    }
}
