import Testing

@testable import MartletMQTT

@Suite struct KeepAliveTests {
    private let start = Duration.seconds(1_000)

    @Test func aSilentBrokerIsDeadAfterOneAndAHalfIntervals() {
        var keepAlive = KeepAlive(interval: .seconds(10), now: start)
        #expect(keepAlive.check(start + .seconds(14.9), isDeaf: false) == .ping)
        #expect(keepAlive.check(start + .seconds(15), isDeaf: false) == .dead)
        keepAlive.heard(start + .seconds(15))
        #expect(keepAlive.check(start + .seconds(29), isDeaf: false) == .ping)
        #expect(keepAlive.check(start + .seconds(30), isDeaf: false) == .dead)
    }

    @Test func whileNothingIsReadTheBrokerHearsOfUsAndIsNotTakenForDead() {
        var keepAlive = KeepAlive(interval: .seconds(10), now: start)
        #expect(keepAlive.check(start + .seconds(1), isDeaf: true) == .nudge)
        #expect(keepAlive.check(start + .seconds(2), isDeaf: true) == .nothing)
        var nudges = 0
        for second in 3...600 where keepAlive.check(start + .seconds(second), isDeaf: true) == .nudge { nudges += 1 }
        // A broker drops who is silent for 15 seconds.
        #expect(nudges >= 60 && nudges <= 120)
    }

    @Test func afterATimeOfDeafnessTheBrokerHasItsWholeTime() {
        var keepAlive = KeepAlive(interval: .seconds(10), now: start)
        _ = keepAlive.check(start + .seconds(100), isDeaf: true)
        #expect(keepAlive.check(start + .seconds(101), isDeaf: false) == .nothing, "its answer is on its way")
        #expect(keepAlive.check(start + .seconds(114), isDeaf: false) == .nothing)
        #expect(keepAlive.check(start + .seconds(115), isDeaf: false) == .dead)
        keepAlive.heard(start + .seconds(115))
        #expect(keepAlive.check(start + .seconds(116), isDeaf: false) == .ping)
    }

    @Test func ticksAreFrequentEnough() {
        #expect(KeepAlive(interval: .seconds(60), now: start).tick == .seconds(15))
        #expect(KeepAlive(interval: .milliseconds(10), now: start).tick == .milliseconds(250))
    }
}
