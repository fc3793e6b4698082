import Logging
import Martlet
import MartletTesting

/// A broker, a node's connection with a clock that the test moves, and another participant.
struct NodeFixture {
    let broker = MemoryBroker()
    let clock = TestClock()
    let connection: MemoryConnection
    let peer: MemoryConnection
    let logs = LogRecorder()

    init(will: Will? = nil) async throws {
        let logs = logs
        connection = try await broker.connect(
            options: ConnectionOptions(
                name: "node",
                will: will,
                logger: Logger(label: "test") { _ in logs },
                clock: clock
            )
        )
        peer = try await Self.connect("peer", to: broker)
    }

    /// A participant whose time stands still: a busy machine does not make its calls fail.
    static func connect(_ name: String, to broker: MemoryBroker) async throws -> MemoryConnection {
        try await broker.connect(options: ConnectionOptions(name: name, clock: TestClock()))
    }

    /// A node without a heartbeat, unless told.
    func node(
        _ name: String = "arm",
        options: NodeOptions = NodeOptions(heartbeat: nil),
        @ComponentBuilder components: () -> [any Component]
    ) -> Node {
        Node(name, on: connection, options: options, components: components)
    }

    /// Returns once the next one who sleeps does so until a time, and moves the clock there.
    func advance(to time: Duration) async throws {
        await until { clock.deadlines.first?.offset == time }
        clock.advance(to: TestClock.Instant(offset: time))
    }

    var now: Duration { clock.now.offset }

    /// What the node's connection has open at the broker.
    var openAtBroker: [String] {
        guard let client = broker.presence.clients.first(where: { $0.client.name == "node" }) else { return [] }
        return client.subscriptions.map(\.text) + client.queues.map(\.text)
    }
}

struct Fault: Error, Equatable, CustomStringConvertible {
    var description = "out of order"
}

/// Runs a node beside `body`, and cancels it.
func running<Value>(_ node: Node, _ body: () async throws -> Value) async throws -> Value {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await node.run() }
        try await node.waitUntilReady()
        let value = try await body()
        group.cancelAll()
        return value
    }
}

/// How a node's run ends while `body` goes on beside it.
func outcome(of node: Node, _ body: @escaping @Sendable () async throws -> Void = {}) async -> (any Error)? {
    await withTaskGroup(of: (any Error)?.self) { group in
        group.addTask {
            do {
                try await body()
                return nil
            } catch {
                return error
            }
        }
        var ended: (any Error)?
        do {
            try await node.run()
        } catch {
            ended = error
        }
        if ended == nil { ended = await group.next() ?? nil }
        return ended
    }
}

func code(of error: (any Error)?) -> MessagingError.Code? {
    (error as? MessagingError)?.code
}

func code(of body: () async throws -> Void) async -> MessagingError.Code? {
    do {
        try await body()
        return nil
    } catch {
        return code(of: error)
    }
}
