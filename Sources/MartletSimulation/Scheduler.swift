#if os(Linux)
// The one file that knows how Swift's runtime is given executors of one's own, which is not public yet.
@_spi(ExperimentalCustomExecutors) @_spi(ExperimentalScheduling) import _Concurrency
import Glibc
import MartletTesting
import Synchronization

/// Takes every job of the process and runs them one at a time, on one thread, in an order that follows from a seed.
///
/// Swift's runtime hands it the jobs of the global pool and of the main actor. Those that are ready stand in one list, of
/// which the order picks the next. When none is ready the clock is moved to the next time that a task sleeps until.
///
/// It is `Sendable` since all that is stored belongs to the thread that made it, but for the count of jobs that came from
/// others, which is atomic; their jobs are let go of.
final class Scheduler: @unchecked Sendable {
    /// How running the jobs has ended.
    enum Ending: Hashable {
        /// What was waited for has happened.
        case done
        /// No job is ready, and no task sleeps: nothing can ever happen again.
        case stuck
        /// There were more jobs than the limit allows.
        case tooMany
    }

    private struct Ready {
        let job: UnownedJob
        let isMain: Bool
    }

    static let shared = Scheduler()

    private let thread = pthread_self()
    private var ready: [Ready] = []
    private let foreign = Atomic(0)
    /// How many times a task has gone to sleep in real time.
    private(set) var realSleeps = 0
    private var isInstalled = false

    /// How many jobs came from other threads. They are not run.
    var foreignJobs: Int { foreign.load(ordering: .relaxed) }

    /// Has the process's jobs come here. To be called before anything asynchronous has run in it.
    ///
    /// - Returns: whether they do; `false` if the runtime has executors already.
    func install() -> Bool {
        guard pthread_equal(thread, pthread_self()) != 0 else { return false }
        if isInstalled { return true }
        _createExecutors(factory: Executors.self)
        let before = ready.count
        Task.detached {}
        isInstalled = ready.count == before + 1
        return isInstalled
    }

    /// Runs jobs until `isDone`, which is asked before each.
    ///
    /// - Parameters:
    ///   - order: picks the next job.
    ///   - clock: is moved on when no job is ready.
    ///   - limit: how many jobs may run; counted down.
    ///   - moved: called when the clock has been moved on.
    func run(
        in order: inout JobOrder,
        on clock: TestClock,
        limit: inout Int,
        moved: () -> Void,
        until isDone: () -> Bool
    ) -> Ending {
        let main = Executors.main.asUnownedSerialExecutor()
        // What is not bound to an actor runs on the executor of no actor, whose bits are zero.
        let generic = unsafeBitCast((0, 0), to: UnownedSerialExecutor.self)
        while !isDone() {
            if ready.isEmpty {
                guard clock.advanceToNextDeadline() != nil else { return .stuck }
                moved()
                continue
            }
            guard limit > 0 else { return .tooMany }
            limit -= 1
            let last = ready.count - 1
            ready.swapAt(order.pick(of: ready.count), last)
            let next = ready.removeLast()
            next.job.runSynchronously(on: next.isMain ? main : generic)
        }
        return .done
    }

    /// Forgets what a world that could not end has left behind.
    func reset() {
        ready.removeAll()
        realSleeps = 0
        foreign.store(0, ordering: .relaxed)
    }

    private func add(_ job: UnownedJob, isMain: Bool) {
        guard pthread_equal(thread, pthread_self()) != 0 else {
            foreign.add(1, ordering: .relaxed)
            return
        }
        ready.append(Ready(job: job, isMain: isMain))
    }

    private func addSleeping(_ job: UnownedJob, isMain: Bool) {
        if pthread_equal(thread, pthread_self()) != 0 { realSleeps += 1 }
        add(job, isMain: isMain)
    }

    // MARK: What the runtime is given

    private struct Executors: ExecutorFactory {
        static let main = MainJobs()
        static let pool = PoolJobs()
        static var mainExecutor: any MainExecutor { main }
        static var defaultExecutor: any TaskExecutor { pool }
    }

    private final class PoolJobs: TaskExecutor, SchedulingExecutor {
        func enqueue(_ job: consuming ExecutorJob) { Scheduler.shared.add(UnownedJob(job), isMain: false) }

        func enqueue<C: Clock>(
            _ job: consuming ExecutorJob,
            after delay: C.Duration,
            tolerance: C.Duration?,
            clock: C
        ) {
            Scheduler.shared.addSleeping(UnownedJob(job), isMain: false)
        }
    }

    private final class MainJobs: MainExecutor, SchedulingExecutor {
        func run() throws {}
        func stop() {}

        func enqueue(_ job: consuming ExecutorJob) { Scheduler.shared.add(UnownedJob(job), isMain: true) }

        func enqueue<C: Clock>(
            _ job: consuming ExecutorJob,
            after delay: C.Duration,
            tolerance: C.Duration?,
            clock: C
        ) {
            Scheduler.shared.addSleeping(UnownedJob(job), isMain: true)
        }
    }
}
#endif
