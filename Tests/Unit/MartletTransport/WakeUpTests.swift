import MartletTransport
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

@Suite(.timeLimit(.minutes(10))) struct WakeUpTests {
    /// A number that threads count up.
    private final class Count: Sendable {
        let value = Atomic(0)
    }

    /// Some flood the loop, some come one at a time, so that it is asleep again and again when one comes. None is
    /// lost, whatever they meet; if one were, somebody would wait for ever.
    @Test func noneOfTenMillionIsLost() async throws {
        await withLoop { loop in
            let total = flood(10_000_000)
            let done = Count()
            let work: @Sendable () -> Void = { done.value.add(1, ordering: .relaxed) }
            let single = total / 500
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        var sent = 0
                        while sent < total / 3 {
                            let burst = min(Int.random(in: 1...10_000), total / 3 - sent)
                            for _ in 0..<burst { loop.execute(work) }
                            sent += burst
                            // What waits is bounded here; and the loop gets a chance to fall asleep.
                            await loop.run {}
                        }
                    }
                }
                group.addTask { for _ in 0..<single { await loop.run(work) } }
            }
            await loop.run {}
            #expect(done.value.load(ordering: .relaxed) == total / 3 * 3 + single)
            let statistics = loop.statistics
            #expect(statistics.threads == 1)
            #expect(statistics.wakeUps <= statistics.sleeps)
            // Floods find it awake.
            #expect(statistics.wakeUps < total / 50)
        }
    }

    /// Jobs of tasks and actors go the same way.
    @Test func noJobIsLost() async throws {
        await withLoop { loop in
            let total = flood(100_000)
            let counter = Counter(on: loop)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask { for number in 0..<total / 4 { await counter.add(number) } }
                    group.addTask(executorPreference: loop) { for _ in 0..<total / 4 { await Task.yield() } }
                }
            }
            #expect(await counter.values.count == total / 4 * 4)
            let statistics = loop.statistics
            #expect(statistics.wakeUps <= statistics.sleeps)
        }
    }

    @Test func whatComesFromTheLoopItselfWakesNobody() async throws {
        await withLoop { loop in
            let done = Count()
            let before = await loop.run {
                for _ in 0..<10_000 { loop.execute { done.value.add(1, ordering: .relaxed) } }
                return loop.statistics
            }
            await until { done.value.load(ordering: .relaxed) == 10_000 }
            let after = loop.statistics
            #expect(after.wakeUps == before.wakeUps)
        }
    }

    /// What is watched while nothing happens costs nothing.
    @Test func anIdleLoopSleeps() async throws {
        let pipe = Pipe()
        await withLoop { loop in
            await loop.run {
                _ = loop.watch(pipe.readEnd, for: .read) { _ in }
                loop.schedule(after: .seconds(1_000)) {}
            }
            // Each of these is one sleep and one wake-up at most, and none that was not called for.
            let before = loop.statistics
            for _ in 0..<100 { await loop.run {} }
            let after = loop.statistics
            #expect(after.sleeps - before.sleeps <= 101)
            #expect(after.wakeUps - before.wakeUps <= 100)
        }
    }

    #if os(Linux)
    /// A signal that interrupts its sleep makes it neither stop nor spin.
    @Test func signalsDoNotDisturb() async throws {
        await withLoop { loop in
            signal(SIGURG) { _ in }
            defer { signal(SIGURG, SIG_DFL) }
            let thread = await loop.run {
                // The thread that started this one may have had it blocked.
                var mask = sigset_t()
                sigemptyset(&mask)
                sigaddset(&mask, SIGURG)
                pthread_sigmask(SIG_UNBLOCK, &mask, nil)
                return pthread_self()
            }
            let sleeps = loop.statistics.sleeps
            await until {
                pthread_kill(thread, SIGURG)
                return loop.statistics.sleeps >= sleeps + 20
            }
            await loop.run {}
            #expect(loop.statistics.wakeUps <= 2)
        }
    }
    #endif

    /// Without descriptors for waking it the loop looks by itself, and has them when there are some again.
    @Test func descriptorsMayRunOut() async throws {
        let loop = EventLoop(name: "test")
        await loop.run { loop.simulate(descriptorsLeft: false) }
        try loop.open()
        let pipe = Pipe()
        let read = Shared(0)
        await loop.run { _ = loop.watch(pipe.readEnd, for: .read) { _ in read.withLock { $0 += pipe.read() } } }
        for count in 1...3 {
            pipe.write()
            await until { read.withLock { $0 } == count }
            await loop.run {}
        }
        #expect(loop.statistics.wakeUps == 0)
        await loop.run { loop.simulate(descriptorsLeft: true) }
        let sleeps = loop.statistics.sleeps
        await until {
            await loop.run {}
            return loop.statistics.wakeUps > 0
        }
        #expect(loop.statistics.sleeps > sleeps)
        await loop.close()
    }
}
