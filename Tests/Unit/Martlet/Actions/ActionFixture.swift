import Martlet
import Synchronization
import Testing

struct Move: Codable, Sendable, Hashable { var target: Int }
struct Progress: Codable, Sendable, Hashable { var current: Int }
struct Reached: Codable, Sendable, Hashable { var position: Int }

let move = Action<Move, Progress, Reached>("arm.move")

/// An action server and a client on one broker.
struct ActionFixture: Sendable {
    let broker: MemoryBroker
    let server: MemoryConnection
    let client: MemoryConnection

    /// Runs `body` while the action is served; afterwards the server is cancelled and has ended.
    static func run(
        options: ActionOptions = ActionOptions(),
        mode: MemoryBroker.Mode = .immediate,
        clock: any Clock<Duration> = ContinuousClock(),
        handler: @escaping @Sendable (GoalContext<Move, Progress>) async throws -> Reached,
        _ body: (ActionFixture) async throws -> Void
    ) async throws {
        let broker = MemoryBroker(options: .init(mode: mode))
        let server = try await broker.connect(options: ConnectionOptions(name: "server", clock: clock))
        let client = try await broker.connect(options: ConnectionOptions(name: "client", clock: clock))
        let fixture = ActionFixture(broker: broker, server: server, client: client)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.perform(move, options: options, handler: handler) }
            await fixture.waitForServer()
            try await body(fixture)
            group.cancelAll()
            while await group.nextResult() != nil {}
        }
        await client.close()
        await server.close()
    }

    func waitForServer() async {
        await until { broker.presence.queues.contains { $0.name == "arm.move.send_goal" && $0.consumers > 0 } }
    }

    /// In stepped mode: delivers everything until `body` is done.
    func delivering<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    broker.stepAll()
                    await Task.yield()
                }
            }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    /// In stepped mode: waits until something for a destination waits, and delivers the first of it.
    @discardableResult
    func deliver(_ isMeant: (BrokerDispatch.Destination) -> Bool) async -> Message? {
        var index: Int?
        await until {
            index = broker.pending.firstIndex { isMeant($0.dispatch.destination) }
            return index != nil
        }
        return index.flatMap { broker.step($0) }?.dispatch.message
    }

    @discardableResult
    func deliver(to queue: QueueName) async -> Message? {
        await deliver { $0 == .queue(queue) }
    }

    @discardableResult
    func deliverReply() async -> Message? {
        await deliver { if case .reply = $0 { true } else { false } }
    }
}

/// Waits until the task is cancelled, as a well-behaved handler does.
func untilCancelled() async throws -> Never {
    while true { try await Task.sleep(for: .seconds(3_600)) }
}

/// What must be opened before anyone who waits at it goes on, cancelled or not.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters.removeAll() }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiters.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}

/// What happened, in order.
final class Log<Entry: Sendable & Equatable>: Sendable {
    private let state = Mutex<[Entry]>([])

    var entries: [Entry] { state.withLock { $0 } }

    func add(_ entry: Entry) { state.withLock { $0.append(entry) } }

    func wait(for entry: Entry) async { await until { entries.contains(entry) } }
}

/// The error that an operation throws; it is a failure if it throws none.
func messagingError<Value>(
    _ location: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Value
) async -> MessagingError? {
    do {
        let value = try await body()
        Issue.record("nothing was thrown, but there is \(value)", sourceLocation: location)
    } catch let error as MessagingError {
        return error
    } catch {
        Issue.record("\(error) was thrown", sourceLocation: location)
    }
    return nil
}
