import MartletTransport
import Testing

@Suite(.timeLimit(.minutes(10))) struct TimerTests {
    @Test func timersFireInTheOrderOfTheirTimes() async {
        await withLoop { loop in
            let fired = Shared<[Int]>([])
            await loop.run {
                let now = ContinuousClock.now
                for number in [5, 2, 9, 2, 7] {
                    loop.schedule(at: now + .milliseconds(number)) { fired.withLock { $0.append(number) } }
                }
                loop.schedule(at: now + .milliseconds(3)) { fired.withLock { $0.append(99) } }.cancel()
            }
            await until { fired.withLock { $0.count } == 5 }
            #expect(fired.withLock { $0 } == [2, 2, 5, 7, 9])
        }
    }

    @Test func ofOneTimeTheFirstScheduledIsTheFirst() async {
        await withLoop { loop in
            let fired = Shared<[Int]>([])
            await loop.run {
                let time = ContinuousClock.now + .milliseconds(1)
                for number in 0..<1_000 { loop.schedule(at: time) { fired.withLock { $0.append(number) } } }
            }
            await until { fired.withLock { $0.count } == 1_000 }
            let inOrder = fired.withLock { $0 } == Array(0..<1_000)
            #expect(inOrder)
        }
    }

    @Test func noneIsEarly() async {
        await withLoop { loop in
            for delay in [0, 1, 2, 10] as [Int] {
                let early = await withCheckedContinuation { continuation in
                    loop.execute {
                        let start = ContinuousClock.now
                        loop.schedule(after: .milliseconds(delay)) {
                            continuation.resume(returning: start.duration(to: .now) < .milliseconds(delay))
                        }
                    }
                }
                #expect(!early)
            }
        }
    }

    /// One that schedules itself again and again leaves room for others.
    @Test func timersMayScheduleTimers() async {
        await withLoop { loop in
            let fired = Shared(0)
            await loop.run { again(loop, fired) }
            await until { fired.withLock { $0 } > 1_000 }
        }
    }

    /// A timer cancelled by one that fires in the same round does not fire.
    @Test func cancellingInAnAction() async {
        await withLoop { loop in
            let fired = Shared<[Int]>([])
            await loop.run {
                var second: Timer?
                let now = ContinuousClock.now
                loop.schedule(at: now) {
                    fired.withLock { $0.append(1) }
                    second?.cancel()
                }
                second = loop.schedule(at: now) { fired.withLock { $0.append(2) } }
                loop.schedule(at: now) { fired.withLock { $0.append(3) } }
            }
            await until { fired.withLock { $0.last } == 3 }
            #expect(fired.withLock { $0 } == [1, 3])
        }
    }

    @Test func manyCancelledTimersAreForgotten() async {
        await withLoop { loop in
            let most = await loop.run {
                var most = 0
                for number in 0..<100_000 {
                    loop.schedule(after: .seconds(1_000 - number % 7)) {}.cancel()
                    most = max(most, loop.scheduledTimers)
                }
                return most
            }
            #expect(most < 100)
        }
    }

    /// Endless times are no trap, and a loop that is closed does not wait for them.
    @Test func timersEndWithTheLoop() async {
        let freed = Shared(false)
        await withLoop { loop in
            let held = Held { freed.withLock { $0 = true } }
            await loop.run {
                loop.schedule(after: .seconds(Int64.max)) { withExtendedLifetime(held) {} }
                loop.schedule(after: .seconds(-1_000_000)) {}
            }
        }
        #expect(freed.withLock { $0 })
    }
}

private func again(_ loop: EventLoop, _ fired: Shared<Int>) {
    fired.withLock { $0 += 1 }
    loop.schedule(after: .zero) { again(loop, fired) }
}
