import Martlet
import Testing

@testable import MartletRedis

/// What is given while earlier requests for the same keys are still on another way.
@Suite struct CrossingsTests {
    private func request(_ number: UInt64, slot: Int) -> Request {
        var request = Request([[[1]]], slot: slot, .answer(Answer()))
        request.number = number
        return request
    }

    private func under(way count: Int) -> PendingCommands {
        let pending = PendingCommands()
        for number in 0..<count {
            pending.append(CommandEntry(.request(request(UInt64(number), slot: 0))), sent: .now)
        }
        return pending
    }

    @Test func itWaitsForThoseAndForNoneThatComesLater() {
        var crossings = Crossings()
        let (pending, slot) = (under(way: 2), 7)
        crossings.begin(slot, from: pending)
        pending.append(CommandEntry(.request(request(9, slot: 1))), sent: .now)
        #expect(crossings.hold(request(5, slot: slot)) == true)
        #expect(crossings.hold(request(6, slot: slot)) == true)
        #expect(crossings.hold(request(7, slot: 8)) == false, "another slot's go on")
        _ = pending.received(.integer(0))
        #expect(crossings.takeFree().isEmpty)
        // It came back.
        #expect(crossings.hold(request(3, slot: slot)) == true)
        _ = pending.received(.integer(0))
        #expect(crossings.takeFree().map(\.number) == [3, 5, 6])
        #expect(crossings.isEmpty)
        #expect(crossings.count == 0)
    }

    @Test func aSocketThatIsLostHoldsUpNobody() {
        var crossings = Crossings()
        let (one, other) = (under(way: 3), under(way: 1))
        crossings.begin(1, from: one)
        crossings.begin(1, from: other)
        #expect(crossings.hold(request(1, slot: 1)) == true)
        _ = one.removeAll()
        #expect(crossings.takeFree().isEmpty, "the slot has moved twice")
        _ = other.received(.integer(0))
        #expect(crossings.takeFree().count == 1)
    }

    @Test func whereNothingIsUnderWayNothingWaits() {
        var crossings = Crossings()
        crossings.begin(1, from: PendingCommands())
        #expect(crossings.hold(request(1, slot: 1)) == false)
        #expect(crossings.isEmpty)
    }
}
