#if os(Linux)
public import Martlet
public import MartletTesting
import ServiceLifecycle
import Synchronization

/// A process of a ``World``: a service and its connections, which can be stopped, killed and started again.
public actor SimulatedProcess {
    /// One run, from start to end.
    private final class Life: Sendable {
        let disk: WorldDisk
        let links = Mutex<[WorldLink]>([])
        let task = Mutex<Task<Void, Never>?>(nil)
        let isEnding = Atomic(false)

        init(_ disk: WorldDisk) {
            self.disk = disk
        }

        /// Takes away all that it could reach others by, and has its tasks end.
        func kill() {
            isEnding.store(true, ordering: .relaxed)
            disk.die()
            for link in links.withLock({ $0 }) { link.sever() }
            task.withLock { $0 }?.cancel()
        }
    }

    /// The process's name.
    public nonisolated let name: String
    private unowned let world: World
    private let make: @Sendable (SimulatedProcess) async throws -> any Service
    private var group: ServiceGroup?
    private nonisolated let life = Mutex<Life?>(nil)
    private nonisolated let shown = Mutex<(any Service)?>(nil)

    init(
        _ name: String,
        in world: World,
        _ make: @escaping @Sendable (SimulatedProcess) async throws -> any Service
    ) {
        self.name = name
        self.world = world
        self.make = make
    }

    /// Whether it runs: it was started, and neither stopped nor killed since.
    public nonisolated var isRunning: Bool { life.withLock { $0 != nil } }

    // MARK: What it is made of

    /// Connects to a broker, as ``World/connect(to:as:faults:options:)``, for as long as the process runs.
    ///
    /// - Parameters:
    ///   - broker: one of the world's.
    ///   - name: the connection's name; by default the process's.
    ///   - faults: what goes wrong on the link.
    ///   - options: all else; its name, clock, disk and logger are the world's.
    public func connect(
        to broker: MemoryBroker,
        as name: String? = nil,
        faults: Faults = Faults(),
        options: ConnectionOptions = ConnectionOptions()
    ) async throws -> FaultyConnection {
        guard let life = life.withLock({ $0 }) else {
            throw MessagingError(.notRunning, "the process \(self.name) does not run")
        }
        var options = options
        options.disk = life.disk.disk
        let link = try await world.openLink(to: broker, as: name ?? self.name, faults: faults, options: options)
        let isDead = life.links.withLock { links in
            links.append(link)
            return life.isEnding.load(ordering: .relaxed)
        }
        if isDead { link.sever() }
        return link.connection
    }

    /// A path that is the same each time the process is started, for a store. What is written there outlives the process, and
    /// goes with the world.
    public nonisolated func path(of file: String) -> String { world.folder.path(of: "\(name)-\(file)") }

    // MARK: Its life

    /// Starts it, anew if it was stopped or killed; returns when its node or bridge is ready.
    ///
    /// - Throws: `MessagingError.Code.alreadyRunning`; as ``World/start(_:_:)``.
    public func start() async throws {
        let new = Life(WorldDisk())
        try life.withLock { life in
            guard life == nil else { throw MessagingError(.alreadyRunning, "the process \(name) runs already") }
            life = new
        }
        world.log("\(name) starts")
        let service: any Service
        do {
            service = try await make(self)
        } catch {
            await end(new)
            throw error
        }
        shown.withLock { $0 = service }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                logger: world.logger
            )
        )
        self.group = group
        new.task.withLock { task in
            // Owned: `end` waits for it.
            task = Task { [name, world] in
                do {
                    try await group.run()
                } catch {
                    guard !new.isEnding.load(ordering: .relaxed) else { return }
                    world.fail(SimulationFailure(.violation, "the process \(name) has failed: \(error)"))
                }
            }
            if new.isEnding.load(ordering: .relaxed) { task?.cancel() }
        }
        do {
            switch service {
            case let node as Node: try await node.waitUntilReady(within: .seconds(60))
            case let bridge as Bridge: try await bridge.waitUntilReady(within: .seconds(60))
            default: break
            }
        } catch  where new.isEnding.load(ordering: .relaxed) {
            // It was stopped or killed before.
        }
    }

    /// Stops it in order, as a signal does: work in hand is finished first. Does nothing if it does not run.
    public func stop() async {
        guard let life = life.withLock({ $0 }) else { return }
        world.log("\(name) is stopped")
        life.isEnding.store(true, ordering: .relaxed)
        await group?.triggerGracefulShutdown()
        await end(life)
    }

    /// Ends it at once, as a machine that loses its power: nothing that it does from then on reaches anybody, nor its disk.
    /// Its tasks are cancelled; it returns when they have ended. Does nothing if it does not run.
    public func kill() async {
        guard let life = life.withLock({ $0 }) else { return }
        world.log("\(name) is killed")
        life.kill()
        await end(life)
    }

    /// Kills it, and starts it again.
    ///
    /// - Parameter pause: how long it is away.
    /// - Throws: as ``start()``; `CancellationError`.
    public func restart(after pause: Duration = .zero) async throws {
        await kill()
        if pause > .zero { try await world.sleep(for: pause) }
        try await start()
    }

    /// Takes its links away for a while.
    ///
    /// - Throws: `CancellationError`.
    public func loseLinks(for outage: Duration) async throws {
        let links = life.withLock { $0 }?.links.withLock { $0 } ?? []
        world.log("\(name) loses its links")
        for link in links { try await link.connection.cut() }
        try await world.sleep(for: outage)
        for link in links { try await link.connection.restore() }
    }

    /// Has it die in the middle of a later write to its store: a part of what is written then is on the disk.
    ///
    /// - Parameter writes: how many writes are done before.
    public nonisolated func die(afterWrites writes: Int) {
        guard let life = life.withLock({ $0 }) else { return }
        life.disk.die(after: writes) { [weak life, name, world] in
            world.log("\(name) dies while it writes")
            life?.kill()
        }
    }

    private func end(_ life: Life) async {
        await life.task.withLock { $0 }?.value
        for link in life.links.withLock({ $0 }).reversed() { await link.connection.close() }
        let isMine = self.life.withLock { current in
            guard current === life else { return false }
            current = nil
            return true
        }
        if isMine { group = nil }
    }

    /// What it is doing, in words.
    nonisolated var standing: String {
        switch shown.withLock({ $0 }) {
        case let node as Node where isRunning:
            let parts = node.health.components.map { "\($0.name) \($0.state)" }.joined(separator: ", ")
            return "\(name) is \(node.state) (\(parts))"
        case let bridge as Bridge where isRunning:
            return "\(name): " + bridge.health.map { "\($0.name) \($0.state)" }.joined(separator: ", ")
        default:
            return isRunning ? "\(name) runs" : "\(name) does not run"
        }
    }
}
#endif
