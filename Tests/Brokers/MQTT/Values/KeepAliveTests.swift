import Testing

@testable import MartletMQTT

@Suite struct KeepAliveTests {
    private let start = Duration.seconds(1_000)

    @Test func aSilentBrokerIsDeadAfterOneAndAHalfIntervals() {
        var keepAlive = KeepAlive(interval: .seconds(10), now: start)
        #expect(keepAlive.check(start + .seconds(4.9), isDeaf: false, hasSent: true) == .nothing)
        #expect(keepAlive.check(start + .seconds(5), isDeaf: false, hasSent: true) == .ping)
        #expect(keepAlive.check(start + .seconds(9), isDeaf: false, hasSent: true) == .nothing, "it was asked")
        #expect(keepAlive.check(start + .seconds(14.9), isDeaf: false, hasSent: true) == .ping)
        #expect(keepAlive.check(start + .seconds(15), isDeaf: false, hasSent: true) == .dead)
        keepAlive.heard(start + .seconds(15))
        #expect(keepAlive.check(start + .seconds(29), isDeaf: false, hasSent: true) == .ping)
        #expect(keepAlive.check(start + .seconds(30), isDeaf: false, hasSent: true) == .dead)
    }

    /// Whatever is heard of it: it drops who sends nothing.
    @Test func theBrokerHearsOfUsWithinEachInterval() {
        for isDeaf in [false, true] {
            var keepAlive = KeepAlive(interval: .seconds(10), now: start)
            var last = start
            for tick in 1...400 {
                let now = start + .seconds(2.5 * Double(tick))
                keepAlive.heard(now)
                guard keepAlive.check(now, isDeaf: isDeaf, hasSent: false) == .ping else { continue }
                #expect(now - last <= .seconds(7.5))
                last = now
            }
            #expect(start + .seconds(1_000) - last <= .seconds(7.5))
        }
    }

    @Test func whoIsTalkingAndHearingAsksNothing() {
        var keepAlive = KeepAlive(interval: .seconds(10), now: start)
        for second in 1...100 {
            keepAlive.heard(start + .seconds(second))
            #expect(keepAlive.check(start + .seconds(second), isDeaf: false, hasSent: true) == .nothing)
        }
    }

    @Test func afterATimeOfDeafnessTheBrokerHasItsWholeTime() {
        var keepAlive = KeepAlive(interval: .seconds(10), now: start)
        #expect(keepAlive.check(start + .seconds(100), isDeaf: true, hasSent: false) == .ping)
        let next = keepAlive.check(start + .seconds(101), isDeaf: false, hasSent: true)
        #expect(next == .nothing, "its answer is on its way")
        #expect(keepAlive.check(start + .seconds(114), isDeaf: false, hasSent: false) == .ping)
        #expect(keepAlive.check(start + .seconds(115), isDeaf: false, hasSent: false) == .dead)
        keepAlive.heard(start + .seconds(115))
        #expect(keepAlive.check(start + .seconds(116), isDeaf: false, hasSent: true) == .nothing)
    }

    @Test func ticksAreFrequentEnough() {
        #expect(KeepAlive(interval: .seconds(60), now: start).tick == .seconds(15))
        #expect(KeepAlive(interval: .milliseconds(10), now: start).tick == .milliseconds(250))
    }
}
