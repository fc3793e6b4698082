import Dispatch
import Martlet
import MartletTesting
import Testing

/// On which thread a route passes messages on.
@Suite(.timeLimit(.minutes(10)))
struct RouteThreadTests {
    private final class Thread: TaskExecutor {
        private let queue = DispatchQueue(label: "test")

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }

        /// Whether the task prefers it.
        var isPreferred: Bool { withUnsafeCurrentTask { $0?.unownedTaskExecutor } == asUnownedTaskExecutor() }
    }

    /// Passes a message on, and sees which thread the sink is called from.
    private func thread(
        of route: Forward,
        elsewhere: Thread? = nil
    ) async throws -> (isSources: Bool, isElsewhere: Bool) {
        let fixture = try await BridgeFixture()
        let own = Thread()
        let seen = Shared((false, false))
        let source = ScriptedConnection(fixture.from, thread: own)
        let sink = ScriptedConnection(fixture.to, thread: Thread()) { _, _ in
            seen.withLock { $0 = (own.isPreferred, elsewhere?.isPreferred ?? false) }
            return .passOn
        }
        let bridge = Bridge(from: source, to: sink, name: "bridge") { route }
        try await withTaskExecutorPreference(elsewhere) {
            try await bridge.whileRunning {
                try await fixture.a.publish(Message("x"), to: "a")
                await until { bridge.reports[0].statistics.forwarded == 1 }
            }
        }
        return seen.withLock { $0 }
    }

    @Test func aRouteRunsWhereItsMessagesArrive() async throws {
        let seen = try await thread(of: Forward("a"))
        #expect(seen.isSources)
    }

    /// Nobody knows how long that takes.
    @Test func aTransformDoesNotHoldUpTheSource() async throws {
        let seen = try await thread(of: Forward("a") { $0.message })
        #expect(!seen.isSources)
    }

    @Test func aBridgeStaysWhereItIsRun() async throws {
        let seen = try await thread(of: Forward("a"), elsewhere: Thread())
        #expect(seen.isElsewhere)
    }
}
