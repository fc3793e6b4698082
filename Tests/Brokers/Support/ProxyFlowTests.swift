import Testing

@testable import IntegrationSupport

struct ProxyFlowTests {
    private let now = ContinuousClock.now

    @Test func bytesLeaveInOrderEvenIfALaterOneIsDueEarlier() {
        var flow = ProxyFlow()
        flow.append([1], due: now + .seconds(1))
        flow.append([2], due: now)
        #expect(flow.next(at: now) == nil)
        #expect(flow.nextDue(after: now) == now + .seconds(1))
        #expect(flow.next(at: now + .seconds(1)) == [1])
        #expect(flow.nextDue(after: now + .seconds(1)) == nil)
        flow.drop(1)
        #expect(flow.next(at: now) == [2])
        flow.drop(1)
        #expect(flow.isEmpty)
    }

    @Test func whatHasBeenPassedOnInPartGoesOnThere() {
        var flow = ProxyFlow()
        flow.append([1, 2, 3], due: now)
        flow.drop(2)
        #expect(flow.next(at: now) == [3])
    }

    @Test func aFullOneTakesNoMoreUntilItHasPassedSomeOn() {
        var flow = ProxyFlow()
        flow.append([UInt8](repeating: 0, count: 1 << 20)[...], due: now)
        #expect(!flow.hasRoom)
        flow.drop(1)
        #expect(flow.hasRoom)
        flow.isEnded = true
        #expect(!flow.hasRoom)
    }
}
