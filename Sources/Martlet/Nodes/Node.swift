import Logging
public import ServiceLifecycle

/// One participant of a system: a name, a connection, and the components that make up what it does.
///
/// ```swift
/// let node = Node("arm", on: connection) {
///     Respond(to: add) { pair in Sum(c: pair.a + pair.b) }
///     Subscribe(to: anySonar) { reading in print(reading.topic, reading.value.distance) }
///     Every(.seconds(10)) { try await connection.publish(Uptime.now, to: uptime) }
/// }
/// try await node.run()
/// ```
///
/// ``run()`` is a task group of the components: nothing of a node runs before it or is left when it has returned. A
/// node is a `Service`, so that a `ServiceGroup` runs it and ends it in order. It says that it is alive and, on
/// request, whether it is online, and lets others stop and start it; see ``NodeOptions``. Several nodes may share a
/// process and a connection; nodes of one broker have different names.
public final class Node: Service, Sendable {
    /// The connection that its components use.
    public let connection: any Connection
    /// How it runs.
    public let options: NodeOptions
    let nodeName: NodeName
    let members: [Member]
    let status: Watched<NodeStatus>
    let logger: Logger

    /// - Parameters:
    ///   - name: what the node is called, and what the names of its own topics and procedures begin with. A `-` in it
    ///     becomes `_`; an empty one becomes 32 random hexadecimal digits. It is checked when the node is run.
    ///   - components: what it does.
    public init(
        _ name: String,
        on connection: any Connection,
        options: NodeOptions = NodeOptions(),
        @ComponentBuilder components: () -> [any Component]
    ) {
        self.connection = connection
        self.options = options
        nodeName = NodeName(name)
        let (members, records) = Member.list(components())
        self.members = members
        status = Watched(NodeStatus(lifecycle: NodeLifecycle(at: WallClock.nanoseconds), components: records))
        var logger = connection.runtime.logger
        logger[metadataKey: "node"] = .string(nodeName.text)
        if let device = options.device { logger[metadataKey: "device"] = .string(device) }
        self.logger = logger
    }

    /// What the node is called.
    public var name: String { nodeName.text }

    /// What it is doing.
    public var state: NodeState { status.value.lifecycle.state }

    /// How it and each of its components are. Can be asked at any time.
    public var health: NodeHealth {
        let status = status.value
        return NodeHealth(
            name: name,
            state: status.lifecycle.state,
            since: status.lifecycle.since,
            components: status.components.map(\.health)
        )
    }

    /// Runs the node, once, until it has ended:
    ///
    /// - when graceful shutdown begins, in a service group: no new work is taken, work in hand is finished within
    ///   ``NodeOptions/drainLimit``, and what takes longer is cancelled;
    /// - when all its components have ended, unless it has none or is remote-controlled;
    /// - when a component fails whose policy ends the node, or when its connection is closed: it throws that error;
    /// - when the task is cancelled: all components are cancelled, and it throws `CancellationError`.
    ///
    /// It waits for each component to end, also for one that takes no notice of being cancelled.
    ///
    /// - Throws: before anything runs, ``MessagingError/Code/alreadyRunning`` if it runs already or has run, and a
    ///   ``MessagingError`` for a name or an option, of the node or of a component, that is not valid.
    public func run() async throws {
        try nodeName.validate(on: connection.runtime.names)
        try options.validate(on: connection)
        for member in members { try member.component.validate() }
        try status.update { status in
            try status.lifecycle.begin(at: WallClock.nanoseconds)
            status.setAll(.starting)
        }
        logger.info("the node runs", metadata: ["components": "\(health.components.count)"])
        let result = await result { try await self.runEverything() }
        status.update { $0.lifecycle.exit(at: WallClock.nanoseconds) }
        if options.online != nil { await announceOffline() }
        logger.info("the node has ended")
        try result.get()
    }

    private func result(of body: () async throws -> Void) async -> Result<Void, any Error> {
        do {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }

    private func runEverything() async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await self.runComponents()
                return true
            }
            group.addTask { try await self.watchConnection() }
            if let heartbeat = options.heartbeat {
                group.addTask { try await self.beat(heartbeat) }
            }
            if options.online != nil {
                group.addTask { try await self.announceOnline() }
            }
            if options.remoteControl {
                group.addTask { try await self.serveControl() }
            }
            while let isDone = try await group.next(), !isDone {}
            group.cancelAll()
        }
    }

    /// Ends the node when its connection is closed: nobody brings that back.
    private func watchConnection() async throws -> Bool {
        for await state in connection.states() where state == .closed { break }
        try Task.checkCancellation()
        throw MessagingError.closed
    }
}
