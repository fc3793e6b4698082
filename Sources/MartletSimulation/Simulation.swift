#if os(Linux)
import Glibc
import Martlet
import MartletTesting
import Synchronization

/// A world that is run from a seed, always in the same way.
///
/// ```swift
/// @main struct Worlds {
///     static func main() {                    // synchronous: a simulation comes before anything asynchronous
///         Simulation.main {
///             Scenario("orders") { world in … }
///         }
///     }
/// }
/// ```
///
/// It takes over how tasks are run in its process, so it needs one of its own: an executable whose `main` is synchronous and
/// begins with it.
public struct Simulation: Sendable {
    let name: String
    let options: WorldOptions
    private let body: @Sendable (World) async throws -> Void

    /// - Parameters:
    ///   - seed: what everything follows from.
    ///   - nodes: ``World/nodes``; at least one.
    ///   - rounds: ``World/rounds``; at least one.
    ///   - body: what is done in the world. What it throws is a failure.
    public init(
        seed: UInt64,
        nodes: Int = 4,
        rounds: Int = 4,
        _ body: @escaping @Sendable (World) async throws -> Void
    ) {
        self.init("world", WorldOptions(seed: seed, nodes: max(1, nodes), rounds: max(1, rounds)), body)
    }

    init(_ name: String, _ options: WorldOptions, _ body: @escaping @Sendable (World) async throws -> Void) {
        self.name = name
        self.options = options
        self.body = body
    }

    /// Runs the world, twice, and compares what has happened.
    ///
    /// - Returns: what came of it.
    /// - Throws: `MessagingError.Code.unsupported` in a process in which something asynchronous has run before.
    public func run() throws -> SimulationReport {
        var report = try runOnce()
        if report.failure?.kind == .deadlock { report.failure = causeOutside ?? report.failure }
        guard report.failure == nil else { return report }
        report.failure = difference(between: report, and: try runOnce())
        return report
    }

    /// What a world that stands still may have waited for: another thread, which has a second of real time to show it.
    private var causeOutside: SimulationFailure? {
        for _ in 0..<200 {
            if let failure = outside(.shared) { return failure }
            usleep(5_000)
        }
        return nil
    }

    private func difference(between first: SimulationReport, and second: SimulationReport) -> SimulationFailure? {
        if let failure = second.failure { return failure }
        guard first.events == second.events else {
            return SimulationFailure(.difference, "the second run of the seed has logged other events")
        }
        guard first.schedule == second.schedule else {
            return SimulationFailure(
                .difference,
                "in the second run of the seed tasks ran in another order: something follows from the addresses of "
                    + "objects, the order of a Set or a Dictionary, a random number of the system's or its clock"
            )
        }
        return nil
    }

    /// Runs the world once.
    func runOnce() throws -> SimulationReport {
        let scheduler = Scheduler.shared
        guard scheduler.install() else {
            throw MessagingError(
                .unsupported,
                "tasks of this process run elsewhere already: a simulation needs an executable of its own, with a "
                    + "synchronous main that begins with it"
            )
        }
        scheduler.reset()
        var order = JobOrder(seed: TraceHash.seed(options.seed, for: "order"))
        return run(World(options), on: scheduler, &order)
    }

    private func run(_ world: World, on scheduler: Scheduler, _ order: inout JobOrder) -> SimulationReport {
        let start = world.clock.now
        let setTime = { [clock = world.clock] in
            let time = start.duration(to: clock.now).components
            let nanoseconds = time.seconds * 1_000_000_000 + time.attoseconds / 1_000_000_000
            WallClock.simulated.store(Self.epoch + nanoseconds, ordering: .relaxed)
        }
        setTime()
        defer { WallClock.simulated.store(0, ordering: .relaxed) }
        let end = WorldEnd()
        Task.detached { [body] in
            do {
                try await body(world)
            } catch let failure as SimulationFailure {
                world.fail(failure)
            } catch {
                world.fail(SimulationFailure(.violation, "the body threw: \(error)"))
            }
            world.log("the body has ended")
            await world.close()
            end.hasCome.store(true, ordering: .relaxed)
        }
        var limit = options.jobLimit
        var ending = scheduler.run(in: &order, on: world.clock, limit: &limit, moved: setTime) {
            end.hasCome.load(ordering: .relaxed) || world.failure != nil
        }
        if ending == .done, world.failure == nil {
            // What is left over would otherwise run in the next world.
            ending = scheduler.run(in: &order, on: world.clock, limit: &limit, moved: setTime) { false }
            if ending == .tooMany {
                world.fail(SimulationFailure(.jobLimit, "something goes on after the world has ended"))
            }
        } else if ending != .done {
            let waits = world.whatWaits
            world.fail(
                ending == .stuck
                    ? SimulationFailure(.deadlock, "nothing can ever happen again: \(waits)")
                    : SimulationFailure(.jobLimit, "more than \(options.jobLimit) jobs have run: \(waits)")
            )
        }
        if let outside = outside(scheduler) { world.fail(outside) }
        world.folder.removeAll()
        return SimulationReport(
            seed: options.seed,
            failure: world.failure,
            jobs: order.picked,
            duration: start.duration(to: world.clock.now),
            schedule: order.hash.value,
            events: world.eventLog.hash,
            faultyLinks: world.faultyLinks,
            log: world.eventLog.lines
        )
    }

    /// What is against the rule that everything follows from the seed.
    private func outside(_ scheduler: Scheduler) -> SimulationFailure? {
        if scheduler.realSleeps > 0 {
            return SimulationFailure(
                .outside,
                "a task slept in real time, by Task.sleep or another clock: it is to sleep on the world's clock"
            )
        }
        if scheduler.foreignJobs > 0 {
            return SimulationFailure(.outside, "a task was woken by a thread that is not the world's")
        }
        return nil
    }

    /// When every world begins: the first second of 2026, in nanoseconds since 1970.
    private static let epoch: Int64 = 1_767_225_600_000_000_000
}

/// Whether a world has ended.
private final class WorldEnd: Sendable {
    let hasCome = Atomic(false)
}
#endif
