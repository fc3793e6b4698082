#if os(Linux)
public import Logging
public import Martlet
public import MartletTesting
public import ServiceLifecycle
import Synchronization

/// A system in which everything that happens follows from a seed: the order of tasks, the time, faults, identifiers.
///
/// ```swift
/// let broker = world.broker()
/// let worker = try await world.start("worker") { process in
///     let connection = try await process.connect(to: broker, faults: .flaky)
///     return Node("worker", on: connection) { Consume("jobs") { job in … } }
/// }
/// try await world.expect("the job is done", within: .seconds(30)) { ledger.isDone }
/// ```
///
/// Brokers are embedded ones. Each connection has a link of its own, which fails as the seed says. Nodes, services and
/// bridges go in as they are, as long as they measure their time by their connection's clock. When the body of the world has
/// returned, all that it started is stopped, and every connection closed.
public final class World: Sendable {
    private struct State {
        var processes: [SimulatedProcess] = []
        var links: [WorldLink] = []
        /// The names of those that have faults.
        var faultyLinks: [String] = []
        var brokers: [(name: String, broker: MemoryBroker)] = []
        var names: [String: Int] = [:]
        var failure: SimulationFailure?
        /// What the body waits for.
        var awaited: [Int: String] = [:]
        var lastID = 0
    }

    /// What everything follows from.
    public let seed: UInt64
    /// How many nodes the world is to have. What it means is the scenario's; whoever looks for the cause of a failure makes
    /// it smaller.
    public let nodes: Int
    /// How much is to be done in the world, in units of the scenario's; whoever looks for the cause of a failure makes it
    /// smaller.
    public let rounds: Int
    /// The only clock: connections and brokers have it. It moves on when nothing is left to do before the next time that is
    /// waited for.
    public let clock = TestClock()
    let options: WorldOptions
    let eventLog: EventLog
    /// Where files of the world are.
    let folder: WorldFolder
    private let state = Mutex(State())

    init(_ options: WorldOptions) {
        self.options = options
        seed = options.seed
        nodes = options.nodes
        rounds = options.rounds
        folder = WorldFolder()
        let start = clock.now
        eventLog = EventLog(keepsLines: options.keepsLog) { [clock] in start.duration(to: clock.now) }
    }

    /// The bug that is put in on purpose.
    package var plant: String? { options.plant }

    // MARK: What there is

    /// Makes a broker.
    ///
    /// - Parameters:
    ///   - name: what it is called where something waits for ever.
    ///   - options: how it behaves; its clock is the world's.
    ///   - handler: its rules.
    public func broker(
        _ name: String = "broker",
        options: MemoryBroker.Options = MemoryBroker.Options(),
        handler: some BrokerHandler = StandardHandler()
    ) -> MemoryBroker {
        let name = unique(name, among: "brokers")
        var options = options
        options.clock = clock
        options.random = SeededSource.source(seed, for: "broker \(name)")
        let broker = MemoryBroker(options: options, handler: handler)
        state.withLock { $0.brokers.append((name, broker)) }
        return broker
    }

    /// Connects to a broker, over a link of its own.
    ///
    /// - Parameters:
    ///   - broker: the broker, of this world.
    ///   - name: the connection's name, on which its link's faults depend; by default one that is made up. One that is taken
    ///     has a number added.
    ///   - faults: what goes wrong on the link; by default nothing.
    ///   - options: all else; its name, clock and logger are the world's.
    /// - Returns: a connection that is open until it is closed, at the latest when the world ends.
    /// - Throws: as `MemoryBroker.connect(options:)`.
    public func connect(
        to broker: MemoryBroker,
        as name: String = "link",
        faults: Faults = Faults(),
        options: ConnectionOptions = ConnectionOptions()
    ) async throws -> FaultyConnection {
        try await openLink(to: broker, as: name, faults: faults, options: options).connection
    }

    func openLink(
        to broker: MemoryBroker,
        as name: String,
        faults: Faults,
        options: ConnectionOptions
    ) async throws -> WorldLink {
        let name = unique(name, among: "links")
        var options = options
        options.name = name
        options.clock = clock
        options.logger = logger
        options.random = SeededSource.source(seed, for: "connection \(name)")
        let faults = self.options.calm.contains(name) ? Faults() : faults.without(self.options.without)
        let link = try await WorldLink(
            name,
            to: broker,
            seed: TraceHash.seed(seed, for: "link \(name)"),
            faults: faults,
            options: options
        )
        state.withLock { state in
            state.links.append(link)
            if link.isFaulty { state.faultyLinks.append(name) }
        }
        return link
    }

    /// Starts a process: runs a service, with connections of its own, so that it can be killed and started again.
    ///
    /// It returns when a node or a bridge is ready, and of another service at once. A service that fails by itself is a
    /// failure of the world.
    ///
    /// - Parameters:
    ///   - name: the process's name.
    ///   - make: makes the service, anew each time that the process is started. What it connects by the process is closed
    ///     with it.
    /// - Throws: what `make` throws; `MessagingError.Code.timeout` if it is not ready within a minute.
    @discardableResult
    public func start(
        _ name: String,
        _ make: @escaping @Sendable (SimulatedProcess) async throws -> any Service
    ) async throws -> SimulatedProcess {
        let process = SimulatedProcess(unique(name, among: "processes"), in: self, make)
        state.withLock { $0.processes.append(process) }
        try await process.start()
        return process
    }

    /// Starts a service that stays until the world ends; otherwise as ``start(_:_:)``.
    @discardableResult
    public func start(_ service: any Service, as name: String = "service") async throws -> SimulatedProcess {
        try await start(name) { _ in service }
    }

    /// Whether a link of the world has faults. Where none has, more may be required.
    public var hasFaults: Bool { !faultyLinks.isEmpty }

    /// Random numbers of the world's seed, a sequence for each name.
    public func random(for name: String) -> SplitMix64 {
        SplitMix64(seed: TraceHash.seed(seed, for: "random \(name)"))
    }

    /// Where nodes and connections of the world log.
    public var logger: Logger { eventLog.logger }

    // MARK: What happens

    /// Waits for a while of the world's time.
    ///
    /// - Throws: `CancellationError`.
    public func sleep(for duration: Duration) async throws {
        try await clock.sleep(for: duration)
    }

    /// Logs an event, by which runs of one seed are compared: two that differ in what they log are a failure.
    public func log(_ event: String) { eventLog.add(event) }

    /// Says that something does not hold that has to: the world ends at once, and its seed has failed.
    ///
    /// - Parameters:
    ///   - holds: whether it holds.
    ///   - requirement: what has to hold, in words that are the same for every seed but for numbers.
    public func require(_ holds: Bool, _ requirement: @autoclosure () -> String) {
        if !holds { fail(SimulationFailure(.violation, requirement())) }
    }

    /// Waits until something holds that has to within a time; looks at it every now and then.
    ///
    /// - Parameters:
    ///   - requirement: what has to hold, in words that are the same for every seed but for numbers.
    ///   - limit: how long it may take, in the world's time.
    ///   - condition: whether it holds.
    /// - Throws: ``SimulationFailure`` if it does not hold in time; `CancellationError`.
    public func expect(
        _ requirement: String = "what is expected",
        within limit: Duration,
        _ condition: @Sendable () -> Bool
    ) async throws {
        let id = state.withLock { state in
            state.lastID += 1
            state.awaited[state.lastID] = requirement
            return state.lastID
        }
        defer { state.withLock { _ = $0.awaited.removeValue(forKey: id) } }
        let end = clock.now.advanced(by: limit)
        var pause = Duration.milliseconds(1)
        while !condition() {
            guard clock.now < end else {
                throw SimulationFailure(.violation, "\(requirement): not within \(limit)")
            }
            try await clock.sleep(until: min(end, clock.now.advanced(by: pause)))
            pause = min(pause * 2, .milliseconds(100))
        }
    }

    /// Ends the faults of all links that there are: what was held back leaves, links that are lost come back, and nothing goes
    /// wrong on them any more.
    public func endFaults() async {
        log("the faults end")
        for link in state.withLock({ $0.links }) { await link.connection.endFaults() }
    }

    func fail(_ failure: SimulationFailure) {
        let isFirst = state.withLock { state in
            guard state.failure == nil else { return false }
            state.failure = failure
            return true
        }
        if isFirst { eventLog.add("failed: \(failure)") }
    }

    var failure: SimulationFailure? { state.withLock { $0.failure } }

    /// The name, or with a number if it is taken.
    private func unique(_ name: String, among others: String) -> String {
        state.withLock { state in
            let count = state.names["\(others) \(name)", default: 0] + 1
            state.names["\(others) \(name)"] = count
            return count == 1 ? name : "\(name)-\(count)"
        }
    }

    // MARK: The end

    var faultyLinks: [String] { state.withLock { $0.faultyLinks } }

    /// Stops the processes, the last first, and closes every connection; then nothing of the world is left at its brokers.
    func close() async {
        let (processes, links, brokers) = state.withLock { ($0.processes, $0.links, $0.brokers) }
        for process in processes.reversed() { await process.stop() }
        for link in links.reversed() { await link.connection.close() }
        for (name, broker) in brokers where !broker.presence.clients.isEmpty {
            let clients = broker.presence.clients.map(\.client.name).joined(separator: ", ")
            require(false, "\(name) has clients when the world has ended: \(clients)")
        }
        state.withLock { state in
            state.links = []
            state.processes = []
        }
    }

    /// What waits: for whoever looks for the cause of a world that stands still.
    var whatWaits: String {
        let (processes, links, brokers, awaited) = state.withLock {
            ($0.processes, $0.links, $0.brokers, $0.awaited.sorted { $0.key < $1.key }.map(\.value))
        }
        var parts: [String] = []
        if !awaited.isEmpty { parts.append("the body waits for: " + awaited.joined(separator: ", ")) }
        parts += processes.map(\.standing)
        parts += links.filter { $0.connection.state != .connected }.map { "\($0.name) is \($0.connection.state)" }
        for (name, broker) in brokers {
            for queue in broker.presence.queues where queue.waiting + queue.unsettled > 0 {
                let counts = "\(queue.waiting) waiting, \(queue.unsettled) unsettled, \(queue.consumers) consumers"
                parts.append("queue \(queue.name) of \(name): \(counts)")
            }
        }
        for (name, broker) in brokers {
            for client in broker.presence.clients {
                let topics = client.subscriptions.map { "subscribes to \($0)" }
                let queues = client.queues.map { "consumes \($0)" }
                guard !topics.isEmpty || !queues.isEmpty else { continue }
                parts.append("\(client.client.name) \((topics + queues).joined(separator: ", ")) on \(name)")
            }
        }
        return parts.isEmpty ? "nothing is known of what waits" : parts.joined(separator: "; ")
    }
}
#endif
