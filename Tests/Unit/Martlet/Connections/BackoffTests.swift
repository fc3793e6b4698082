import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct BackoffTests {
    @Test func delaysDoubleUpToTheMaximum() {
        let backoff = Backoff(initial: .seconds(1), maximum: .seconds(10), jitter: 0)
        #expect((0..<6).map { backoff.delay(before: $0) } == [1, 2, 4, 8, 10, 10].map { .seconds($0) })
        #expect(backoff.delay(before: .max) == .seconds(10))
        #expect(backoff.delay(before: -1) == .seconds(1))
    }

    @Test func jitterSpreadsThem() {
        let backoff = Backoff(initial: .seconds(8), maximum: .seconds(8), jitter: 0.5)
        var random = SplitMix64(seed: 1)
        let delays = (0..<1_000).compactMap { _ in backoff.delay(before: 0, using: &random) }
        #expect(delays.allSatisfy { $0 >= .seconds(4) && $0 <= .seconds(8) })
        #expect(delays.contains { $0 < .seconds(5) } && delays.contains { $0 > .seconds(7) })
    }

    @Test func attemptsEnd() {
        let backoff = Backoff(attempts: 2)
        #expect(backoff.delay(before: 1) != nil)
        #expect(backoff.delay(before: 2) == nil)
    }

    @Test func oddSettingsDoNotTrap() {
        for backoff in [
            Backoff(initial: .zero), Backoff(initial: .seconds(-1)), Backoff(maximum: .seconds(-1)),
            Backoff(multiplier: .nan),
            Backoff(multiplier: -3, jitter: 7), Backoff(jitter: -1), Backoff(initial: .seconds(Int64.max)),
            Backoff(jitter: .nan),
        ] {
            for attempt in [0, 1, 1_000_000] { #expect(backoff.delay(before: attempt).map { $0 >= .zero } == true) }
        }
    }
}
