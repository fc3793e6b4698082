import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct TickScheduleTests {
    @Test func aMillionTicksDoNotDrift() {
        let interval = Duration.nanoseconds(333_333_333)
        var schedule = TickSchedule(start: .seconds(7), interval: interval)
        var skipped = 0
        for _ in 0..<1_000_000 { skipped += schedule.advance(at: schedule.time) }
        #expect(skipped == 0)
        #expect(schedule.time == .seconds(7) + interval * 1_000_000)
    }

    @Test(arguments: [
        // When the first run ends, what comes next, and how many ticks that skips.
        (0, 10, 0), (9, 10, 0), (10, 10, 0), (11, 20, 1), (20, 20, 1), (39, 40, 3), (-5, 10, 0),
    ])
    func theNextTickIsTheFirstThatHasNotPassed(_ end: Int, _ next: Int, _ skipped: Int) {
        var schedule = TickSchedule(start: .zero, interval: .seconds(10))
        #expect(schedule.advance(at: .seconds(end)) == skipped)
        #expect(schedule.time == .seconds(next))
    }
}
