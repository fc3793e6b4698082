import MartletTesting
import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct TimersTests {
    @Test func actionsComeInTheOrderOfTheirTimes() async throws {
        let clock = TestClock()
        let timers = Timers(Timeline(clock))
        let fired = Shared<[Int]>([])
        for seconds in [3, 1, 2] { timers.schedule(at: .seconds(seconds)) { fired.withLock { $0.append(seconds) } } }
        let cancelled = timers.schedule(at: .seconds(2)) { fired.withLock { $0.append(99) } }
        timers.cancel(cancelled)
        for seconds in 1...3 {
            await until { clock.sleepers == 1 }
            clock.advance(by: .seconds(1))
            await until { fired.withLock { $0.count == seconds } }
        }
        #expect(fired.withLock { $0 } == [1, 2, 3])
        await timers.stop()
        #expect(clock.sleepers == 0)
    }

    @Test func nothingSleepsWhenNothingIsScheduled() async throws {
        let clock = TestClock()
        let timers = Timers(Timeline(clock))
        #expect(clock.sleepers == 0)
        timers.schedule(at: .seconds(10)) {}
        await until { clock.sleepers == 1 }
        // An earlier time moves the one sleeper.
        timers.schedule(at: .seconds(5)) {}
        await until { clock.sleepers == 1 }
        await timers.stop()
        #expect(clock.sleepers == 0)
        timers.schedule(at: .seconds(1)) {}
        #expect(clock.sleepers == 0)
    }

    @Test func droppingTheTimersEndsTheirSleeper() async throws {
        let clock = TestClock()
        var timers: Timers? = Timers(Timeline(clock))
        timers?.schedule(at: .seconds(10)) {}
        await until { clock.sleepers == 1 }
        timers = nil
        await until { clock.sleepers == 0 }
    }

    @Test func manyCancelledTimersAreForgotten() async throws {
        let clock = TestClock()
        let timers = Timers(Timeline(clock))
        let fired = Shared(0)
        for number in 0..<100_000 {
            let id = timers.schedule(at: .seconds(10 + number % 7)) { fired.withLock { $0 += 1 } }
            if number % 100 != 0 { timers.cancel(id) }
        }
        #expect(timers.scheduled < 3_000)
        await until {
            clock.advance(by: .seconds(1))
            return fired.withLock { $0 } == 1_000
        }
        await timers.stop()
    }
}
