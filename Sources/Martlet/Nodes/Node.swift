import Logging
public import ServiceLifecycle
import Synchronization

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
    let components: [any Component]
    /// When it was run: nanoseconds since 1970.
    let began = Atomic<Int64>(0)
    let runner: Runner
    /// Publishes its log, on request.
    private let log: RemoteLog?
    /// Which requests to start and stop it have been answered.
    let control = Mutex(ControlMemory())

    /// - Parameters:
    ///   - name: the node's name, with which the names of its own topics and procedures begin, unless
    ///     ``NodeOptions/base`` says otherwise. A `-` in it becomes `_`; an empty one becomes 32 random hexadecimal digits.
    ///     It is checked when the node is run.
    ///   - connection: the connection that its components work on.
    ///   - options: its heartbeat, what it announces, and what happens when a component fails.
    ///   - components: the parts that do its work.
    public convenience init(
        _ name: String,
        on connection: any Connection,
        options: NodeOptions = NodeOptions(),
        @ComponentBuilder components: () -> [any Component]
    ) {
        let random = connection.runtime.random
        self.init(NodeName(name, base: options.base, random), on: connection, options, components())
    }

    /// A node whose name has segments: `Node(TopicName(mqtt: "house/kitchen/lamp-1"), …)`.
    ///
    /// - Parameters:
    ///   - name: the node's name, as it is, with which the names of its own topics and procedures begin, unless
    ///     ``NodeOptions/base`` says otherwise.
    ///   - connection: the connection that its components work on.
    ///   - options: its heartbeat, what it announces, and what happens when a component fails.
    ///   - components: the parts that do its work.
    public convenience init(
        _ name: TopicName,
        on connection: any Connection,
        options: NodeOptions = NodeOptions(),
        @ComponentBuilder components: () -> [any Component]
    ) {
        self.init(NodeName(name, base: options.base), on: connection, options, components())
    }

    /// A node that publishes a log which others write as well.
    ///
    /// - Parameter log: takes the place of the one that it makes where ``NodeOptions/log`` says so; `nil`: it makes its own.
    package convenience init(
        _ name: TopicName,
        on connection: any Connection,
        options: NodeOptions,
        log: RemoteLog?,
        @ComponentBuilder components: () -> [any Component]
    ) {
        self.init(NodeName(name, base: options.base), on: connection, options, log: log, components())
    }

    private init(
        _ name: NodeName,
        on connection: any Connection,
        _ options: NodeOptions,
        log shared: RemoteLog? = nil,
        _ components: [any Component]
    ) {
        self.connection = connection
        self.options = options
        nodeName = name
        self.components = components
        var logger = connection.runtime.logger
        log = options.log.map { shared ?? RemoteLog(to: Topic($0.topic ?? name.logs)) }
        if let log, let level = options.log?.level { logger = logger.publishing(by: log, from: level) }
        logger[metadataKey: "node"] = .string(nodeName.text)
        if let device = options.device { logger[metadataKey: "device"] = .string(device) }
        runner = Runner(
            "node",
            nodeName.text,
            of: "component",
            parts: PartList(components.map { Part($0, on: connection, base: name.base) }),
            on: [connection],
            timers: connection.runtime.timers,
            drainLimit: options.drainLimit,
            logger: logger
        )
    }

    /// The node's name.
    public var name: String { nodeName.text }

    /// The name with which those of its own topics and procedures begin.
    public var base: TopicName { nodeName.base }

    /// What it is doing.
    public var state: NodeState { runner.current.lifecycle.state }

    /// How it and each of its components are. Can be asked at any time.
    public var health: NodeHealth { health(of: runner.current) }

    func health(of status: RunnerStatus) -> NodeHealth {
        NodeHealth(
            name: name,
            state: status.lifecycle.state,
            since: status.lifecycle.since,
            components: status.health
        )
    }

    /// Runs the node, once, until it has ended:
    ///
    /// - when graceful shutdown begins, in a service group: no new work is taken, work in hand is finished within
    ///   ``NodeOptions/drainLimit``, and work that takes longer is cancelled;
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
        guard options.online == nil || options.online?.topic != nil || !nodeName.isMadeUp else {
            throw MessagingError(
                .invalidArgument,
                "a node that says whether it is online needs a name: one that is made up is another each time"
            )
        }
        warnIfNobodyWillSayThatItIsGone()
        for component in components { try component.validate() }
        var tasks: [@Sendable () async throws -> Void] = []
        if let heartbeat = options.heartbeat { tasks.append { try await self.beat(heartbeat) } }
        if options.online != nil { tasks.append { try await self.announceOnline() } }
        if options.describes?.isRetained == true { tasks.append { try await self.publishDescription() } }
        if let log { tasks.append { [connection] in try await log.publish(on: connection) } }
        try await runner.run(
            PartList(
                components.map { Part($0, on: connection, base: base) },
                standing: controlParts
            ),
            endsWithItsParts: !options.remoteControl && !components.isEmpty,
            beside: tasks
        ) {
            began.store(WallClock.nanoseconds, ordering: .relaxed)
            runner.logger.info("the node runs", metadata: ["components": "\(health.components.count)"])
        } ended: {
            if options.online != nil { await announceOffline() }
            runner.logger.info("the node has ended")
            if let log { await atLast { [connection] in try await log.publishRest(on: connection) } }
        }
    }

    // MARK: Beside it

    /// Returns once the node runs and all its components can be found by others: responders can be called, and
    /// subscribers miss nothing that is published later. So can the procedures by which others control it.
    ///
    /// - Parameter limit: how long to wait, also for a node that nobody has run yet.
    /// - Throws: ``MessagingError/Code/timeout``; ``MessagingError/Code/notRunning`` if the node is stopped or has
    ///   ended; `CancellationError`.
    public func waitUntilReady(within limit: Duration = .seconds(10)) async throws {
        try await runner.waitUntilReady(within: limit)
    }

    /// Runs the node for as long as `body` takes: for scripts and tests, where no service group runs it.
    ///
    /// ```swift
    /// try await calculator.whileRunning {
    ///     print(try await caller.call(add, Pair(a: 20, b: 22)))
    /// }
    /// ```
    ///
    /// `body` begins once the node's components can be found. When it has returned the node is shut down in order: work
    /// in hand is finished within ``NodeOptions/drainLimit``. If `body` throws, the node's components are cancelled. If
    /// the node ends or fails first, `body` is cancelled.
    ///
    /// - Parameters:
    ///   - limit: how long the node may take to be ready.
    ///   - body: what is done while the node runs. Its task is cancelled if the node fails.
    /// - Returns: the result of `body`.
    /// - Throws: the node's error if it failed while `body` ran; otherwise the error of `body`; as ``run()`` and
    ///   ``waitUntilReady(within:)``.
    public func whileRunning<Result: Sendable>(
        readyWithin limit: Duration = .seconds(10),
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        try await runner.whileRunning(self, readyWithin: limit, body)
    }
}

/// The name of a node, with which the names of its own topics and procedures begin: `arm.heartbeat`, `arm.stop`.
struct NodeName: Sendable, Hashable {
    let text: String
    /// Whether it was not told, so that it is another each time.
    let isMadeUp: Bool
    let base: TopicName

    /// As commlib-py makes names: `-` becomes `_`, and no name becomes 32 random hexadecimal digits.
    ///
    /// - Parameter base: what begins the names of its topics, instead of its own.
    init(_ text: String, base: TopicName? = nil, _ random: RandomSource = .system) {
        isMadeUp = text.isEmpty
        if text.isEmpty {
            self.text = GoalID.random(from: random).text
        } else {
            self.text = String(text.map { $0 == "-" ? "_" : $0 })
        }
        self.base = base ?? TopicName(self.text)
    }

    /// A name as it is.
    init(_ name: TopicName, base: TopicName? = nil) {
        isMadeUp = false
        text = name.text
        self.base = base ?? name
    }

    private var name: QueueName { QueueName(base.name) }
    var heartbeat: TopicName { base.appending("heartbeat") }
    var online: TopicName { base.appending("online") }
    var logs: TopicName { base.appending("logs") }
    var start: QueueName { name.appending("start") }
    var stop: QueueName { name.appending("stop") }
    var health: QueueName { name.appending("health") }
    var describe: TopicName { base.appending("describe") }

    /// Throws ``MessagingError/Code/invalidArgument`` if what is made of it are no names that a broker carries.
    func validate(on names: WireNames) throws {
        do {
            try names.check(name, ending: "health.\(QueueName.cancellationSegment)")
        } catch {
            throw MessagingError(
                .invalidArgument,
                "a node can't be named \(quoted(text)), for its name begins the names of its topics: \(error.message)"
            )
        }
    }
}
