import DequeModule
import Martlet
import Synchronization

/// What tasks have given the session to send and its loop has not yet taken: bounded, many producers, one taker.
///
/// A publish is written here as it goes to the socket, into one piece of memory with those before it: that costs one lock
/// and no object, and those to one topic are one entry with a count. The loop is woken by the first entry alone, and
/// takes all that waits at once. A producer that finds the outbox full waits, in its turn, until it has: what is in memory
/// is at most twice the limit, once taken and once waiting.
///
/// Where the loop lends it the socket, a producer writes by itself what comes alone, and each portion of publishes.
final class CommandOutbox: Sendable {
    /// What is given to be sent.
    enum Item: Sendable {
        case publish([UInt8], TopicName)
        case awaited([UInt8], TopicName, PublishAnswer)
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
        var answers: Deque<PublishAnswer> = []
        /// Whether there is anything but publishes.
        var hasRequests = false
    }

    private enum Run {
        case none
        /// Publishes to the topic of the latest one.
        case unawaited
        case awaited
    }

    private struct State {
        var content = Content()
        /// How many requests have been put in.
        var requests: UInt64 = 0
        /// How many commands wait, and what they cost to keep.
        var count = 0
        var cost = 0
        /// The topic of the latest publish, and what its commands begin with.
        var head = CommandFormat.PublishHead()
        /// What the latest entry is of, so that it may have one more.
        var openRun = Run.none
        var isConnected = false
        var loan: SocketLoan?
        /// Whether nothing is lent, because the loop has yet to see something that came before.
        var isHeldBack = false
        var parked = Room()
        var closed: (any Error)?

        /// Gives a request its place among all of them.
        mutating func number(_ item: Item) -> Item {
            guard case .request(var request) = item else { return item }
            requests += 1
            request.number = requests
            return .request(request)
        }

        mutating func takeContent() -> Content {
            defer {
                content = Content()
                hasTakenAll()
            }
            return content
        }

        /// The content is with somebody else.
        mutating func hasTakenAll() {
            count = 0
            cost = 0
            openRun = .none
        }
    }

    private enum Outcome {
        /// It is in, and the loop has not been woken yet.
        case isFirst
        case isIn
        case parked(UInt64)
        case offline
    }

    private typealias Room = WaitingRoom<Item>

    /// How many bytes a producer writes at once, at most: others wait for it.
    private static let largestAtOnce = 64 << 10
    /// How many publishes are a portion.
    private static let portion = 32
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

    /// Puts a publish in, once there is room, if there is a link.
    ///
    /// - Parameters:
    ///   - answer: what is told of the server's word; `nil`: nobody waits for it.
    ///   - limit: how long it may wait for room; `nil`: as long as it takes.
    /// - Throws: as ``put(_:limit:)``.
    func publish(
        _ body: [UInt8],
        to topic: TopicName,
        _ answer: PublishAnswer? = nil,
        limit: WaitLimit? = nil
    ) async throws -> Admission {
        let outcome: Outcome = try state.withLock { state in
            if let closed = state.closed { throw closed }
            guard state.isConnected else { return .offline }
            guard state.parked.isEmpty, hasRoom(for: body.count + 64, state) else {
                return .parked(state.parked.park(answer.map { .awaited(body, topic, $0) } ?? .publish(body, topic)))
            }
            let isFirst = state.count == 0
            append(body, to: topic, answer, &state)
            if isFirst ? state.loan?.isIdle ?? false : state.count % Self.portion == 0 {
                switch writePublishes(&state) {
                case .whole: return .isIn
                case .part: return .isFirst
                case .nothing: break
                }
            }
            return isFirst ? .isFirst : .isIn
        }
        if case .offline = outcome { return .offline }
        try await follow(outcome, limit)
        return .taken
    }

    /// Puts a command in, once there is room. Commands that one task puts in stay in order.
    ///
    /// - Parameter limit: how long it may wait for room; `nil`: as long as it takes.
    /// - Throws: the error the outbox was closed with; `CancellationError` or `MessagingError.Code.timeout` while it waits
    ///   for room, and then the command is not taken.
    func put(_ item: Item, limit: WaitLimit? = nil) async throws {
        let outcome: Outcome = try state.withLock { state in
            if let closed = state.closed { throw closed }
            let item = state.number(item)
            guard state.parked.isEmpty, hasRoom(for: item.cost, state) else { return .parked(state.parked.park(item)) }
            let isFirst = state.count == 0
            if isFirst, case .request(let request) = item, state.loan?.isIdle ?? false {
                switch write(request, &state) {
                case .whole: return .isIn
                case .part: return .isFirst
                case .nothing: break
                }
            }
            append(item, &state)
            return isFirst ? .isFirst : .isIn
        }
        try await follow(outcome, limit)
    }

    private func follow(_ outcome: Outcome, _ limit: WaitLimit?) async throws {
        switch outcome {
        case .isFirst: wake()
        case .isIn, .offline: break
        case .parked(let id):
            try await Room.wait(for: id, limit: limit) { body in self.state.withLock { body(&$0.parked) } }
        }
    }

    /// How many producers wait for room.
    var parkedCount: Int { state.withLock { $0.parked.count } }

    // MARK: For the loop alone

    /// How many commands wait, in the outbox or for room in it.
    var count: Int { taken.entries.reduce(0) { $0 + $1.count } + state.withLock { $0.count + $0.parked.count } }

    /// The command that has waited longest, or publishes that have; `nil` if none waits. A request that was abandoned is
    /// left out.
    ///
    /// - Parameters:
    ///   - write: called with the bytes, where they are not with the command.
    ///   - expect: called with each answer to a publish that is awaited.
    func takeFirst(_ write: (UnsafeRawBufferPointer) -> Void, expect: (PublishAnswer) -> Void) -> CommandEntry? {
        while true {
            if taken.entries.isEmpty { takeAll() }
            guard let entry = taken.entries.popFirst() else { return nil }
            guard !entry.isAbandoned else { continue }
            if entry.bytes > 0 {
                taken.bytes.withUnsafeBytes(first: entry.bytes) { write($0) }
                taken.bytes.consume(entry.bytes)
            }
            if case .awaited = entry.kind {
                for _ in 0..<entry.count { if let answer = taken.answers.popFirst() { expect(answer) } }
            }
            return entry
        }
    }

    /// Takes all that waits in one go, so that the loop and the producers meet at the lock once a batch.
    private func takeAll() {
        let admitted: [Room.Producer] = state.withLock { state in
            guard state.count > 0 else { return [] }
            swap(&taken, &state.content)
            state.content.hasRequests = false
            state.loan?.end()
            state.hasTakenAll()
            return admitParked(&state)
        }
        for producer in admitted { producer.resume() }
    }

    /// There is a link.
    func connected() {
        state.withLock { $0.isConnected = true }
    }

    /// There is no link any more: takes out what has no guarantee. What is in the way of producers is taken in.
    func disconnected() -> UnansweredCommands {
        let (waiting, admitted): (Content, [Room.Producer]) = state.withLock { state in
            state.isConnected = false
            let waiting = state.takeContent()
            for entry in waiting.entries where entry.isGuaranteed { append(entry, &state) }
            return (waiting, admitParked(&state))
        }
        for producer in admitted { producer.resume() }
        var lost = UnansweredCommands()
        for content in [taken, waiting] {
            lost.commands += content.entries.filter { !$0.isGuaranteed }
            lost.answers += content.answers
        }
        let kept = taken.entries.filter(\.isGuaranteed)
        taken = Content()
        taken.entries = kept
        return lost
    }

    /// Ends it: producers that wait throw the error, as later ones do.
    ///
    /// - Returns: what was waiting.
    func close(_ error: any Error) -> UnansweredCommands {
        let (waiting, producers): (Content, [Room.Producer]) = state.withLock { state in
            guard state.closed == nil else { return (Content(), []) }
            state.closed = error
            return (state.takeContent(), state.parked.failAll(error))
        }
        for producer in producers { producer.resume(throwing: error) }
        var lost = UnansweredCommands()
        for content in [taken, waiting] {
            lost.commands += content.entries
            lost.answers += content.answers
        }
        taken = Content()
        return lost
    }

    // MARK: A socket that is lent

    /// Lets producers write to a socket, as long as the loop has nothing to write. To be said at the end of each round.
    ///
    /// - Parameter isIdle: whether nothing is under way on it: then what comes alone is written at once. Otherwise it waits
    ///   for others, or for the loop.
    func lend(_ descriptor: CInt, isIdle: Bool) {
        // What was taken and is not written yet comes first.
        guard taken.entries.isEmpty else { return }
        state.withLock { state in
            guard state.closed == nil, !state.isHeldBack else { return }
            if state.loan == nil { state.loan = SocketLoan(descriptor, limit: limit) }
            state.loan?.renew(isIdle: isIdle && state.count == 0 && state.parked.isEmpty)
        }
    }

    /// Has all that comes wait for the loop, which has yet to see something that came before it. From any thread.
    func holdBack() {
        state.withLock { state in
            state.isHeldBack = true
            state.loan?.end()
        }
    }

    /// The loop is about to see it.
    func release() {
        state.withLock { $0.isHeldBack = false }
    }

    /// What was written to the socket since it was lent or this was asked. If that was not written as a whole, the socket is
    /// the loop's alone again.
    func collectWritten() -> SocketLoan.Written {
        state.withLock { state in
            let written = state.loan?.takeWritten() ?? SocketLoan.Written()
            if !written.rest.isEmpty { state.loan = nil }
            return written
        }
    }

    /// From now on the loop alone writes to the socket.
    ///
    /// - Returns: as ``collectWritten()``.
    func reclaim() -> SocketLoan.Written {
        state.withLock { state in
            defer { state.loan = nil }
            return state.loan?.takeWritten() ?? SocketLoan.Written()
        }
    }

    /// Writes a request. Under the lock, as publishes are: so nobody writes in between, and the loop knows of it before its
    /// reply.
    private func write(_ request: Request, _ state: inout State) -> SocketLoan.Outcome {
        guard request.bytes.count <= Self.largestAtOnce else { return .nothing }
        return request.bytes.withUnsafeBytes { bytes in
            state.loan?.write(bytes, count: 1) { $0.commands.append(CommandEntry(.request(request))) }
        } ?? .nothing
    }

    /// Writes all publishes that wait, unless something else waits among them.
    private func writePublishes(_ state: inout State) -> SocketLoan.Outcome {
        guard !state.content.hasRequests, state.content.bytes.count <= Self.largestAtOnce else { return .nothing }
        // Out and in again, memory and all.
        var content = Content()
        swap(&content, &state.content)
        defer { swap(&content, &state.content) }
        let count = state.count
        let outcome = content.bytes.withUnsafeBytes { bytes in
            state.loan?.write(bytes, count: count) { written in
                written.commands += content.entries
                written.answers += content.answers
            }
        }
        guard let outcome, outcome != .nothing else { return .nothing }
        content.entries.removeAll(keepingCapacity: true)
        content.answers.removeAll(keepingCapacity: true)
        content.bytes.removeAll()
        state.hasTakenAll()
        return outcome
    }

    // MARK: Under the lock

    private func hasRoom(for cost: Int, _ state: borrowing State) -> Bool {
        state.count == 0 || (state.count < limit && state.cost + cost <= maximumBytes)
    }

    private func append(_ body: [UInt8], to topic: TopicName, _ answer: PublishAnswer?, _ state: inout State) {
        let isSame = state.head.prepare(for: topic)
        let bytes = CommandFormat.append(body, state.head, to: &state.content.bytes)
        state.count += 1
        state.cost += bytes
        let continues: Bool
        if let answer {
            state.content.answers.append(answer)
            continues = state.openRun == .awaited
        } else {
            continues = state.openRun == .unawaited && isSame
        }
        let last = state.content.entries.count - 1
        if continues, state.content.entries[last].bytes < Self.largestRun {
            state.content.entries[last].count += 1
            state.content.entries[last].bytes += bytes
            return
        }
        state.openRun = answer == nil ? .unawaited : .awaited
        state.content.entries.append(CommandEntry(answer == nil ? .publishes(topic) : .awaited, bytes: bytes))
    }

    private func append(_ item: Item, _ state: inout State) {
        switch item {
        case .publish(let body, let topic): append(body, to: topic, nil, &state)
        case .awaited(let body, let topic, let answer): append(body, to: topic, answer, &state)
        case .request(let request): append(CommandEntry(.request(request)), &state)
        }
    }

    /// Of one that has its bytes with it.
    private func append(_ entry: CommandEntry, _ state: inout State) {
        guard case .request(let request) = entry.kind else { return }
        state.count += 1
        state.cost += request.cost
        state.openRun = .none
        state.content.hasRequests = true
        state.content.entries.append(entry)
    }

    /// Lets in the producers that have waited longest, as far as there is room.
    private func admitParked(_ state: inout State) -> [Room.Producer] {
        var admitted: [Room.Producer] = []
        while let item = state.parked.first, hasRoom(for: item.cost, state) {
            let parked = state.parked.popFirst()
            append(item, &state)
            // One that has not got as far as waiting finds out by itself.
            if let producer = parked?.continuation { admitted.append(producer) }
        }
        return admitted
    }
}
