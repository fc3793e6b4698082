import Martlet
import MartletTesting
import MartletTransport
import Testing

@Suite struct LinkHistoryTests {
    private let backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(30), jitter: 0)
    private var generator = SplitMix64(seed: 1)

    private func history(attempts: Int? = nil) -> LinkHistory {
        var backoff = backoff
        backoff.attempts = attempts
        return LinkHistory(backoff: backoff, steadyAfter: .seconds(30))
    }

    @Test mutating func delaysGrowWhileLinksAreAcceptedAndEndedAgain() {
        var history = history()
        var now = Duration.zero
        var delays: [Int] = []
        for _ in 0..<6 {
            history.opened(at: now)
            now += .seconds(29)
            _ = history.failed(at: now)
            let delay = history.nextDelay(using: &generator) ?? .zero
            delays.append(Int((delay / .milliseconds(1)).rounded()))
        }
        #expect(delays == [100, 200, 400, 800, 1_600, 3_200])
        #expect(history.failures == 6)
    }

    @Test mutating func delaysStartSmallAgainAfterALinkHasHeld() {
        var history = history()
        for _ in 0..<5 {
            _ = history.failed(at: .zero)
            _ = history.nextDelay(using: &generator)
        }
        history.opened(at: .seconds(10))
        _ = history.failed(at: .seconds(40))
        #expect(history.nextDelay(using: &generator) == .milliseconds(100))
        #expect(history.failures == 6)
    }

    @Test mutating func attemptsThatCameToNothingAreNoLinksThatHeld() {
        var history = history()
        _ = history.failed(at: .zero)
        _ = history.nextDelay(using: &generator)
        _ = history.failed(at: .seconds(1_000))
        #expect(history.nextDelay(using: &generator) == .milliseconds(200))
    }

    @Test mutating func thereAreNoMoreAttemptsThanTheBackOffAllows() {
        var history = history(attempts: 2)
        for _ in 0..<2 {
            _ = history.failed(at: .zero)
            #expect(history.nextDelay(using: &generator) != nil)
        }
        _ = history.failed(at: .zero)
        #expect(history.nextDelay(using: &generator) == nil)
        #expect(history.attempts == 2)
    }

    @Test func theLogIsToldOnceAMinute() {
        var history = history()
        let told = [0, 1, 59, 60, 61, 119, 120].map { history.failed(at: .seconds($0)) }
        #expect(told == [true, false, false, true, false, false, true])
    }
}
