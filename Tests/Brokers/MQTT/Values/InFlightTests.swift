import Testing

@testable import MartletMQTT

@Suite struct InFlightTests {
    @Test func theWindowIsKept() {
        var inFlight = InFlight<String>(window: 2)
        #expect(inFlight.hasRoom() == true)
        inFlight.sent(1, "a")
        inFlight.sent(2, "b")
        #expect(inFlight.hasRoom() == false)
        #expect(inFlight.count == 2)
        #expect(inFlight.confirmed(1) == "a")
        #expect(inFlight.hasRoom() == true)
    }

    @Test func whatIsNotOutIsNotConfirmed() {
        var inFlight = InFlight<String>(window: 2)
        inFlight.sent(1, "a")
        #expect(inFlight.confirmed(2) == nil)
        #expect(inFlight.confirmed(1) == "a")
        #expect(inFlight.confirmed(1) == nil)
    }

    @Test func whatIsLeftComesInItsOrder() {
        var inFlight = InFlight<String>(window: 10)
        for (number, text) in ["a", "b", "c", "d"].enumerated() { inFlight.sent(CInt(number + 1), text) }
        _ = inFlight.confirmed(2)
        #expect(inFlight.removeAll() == ["a", "c", "d"])
        #expect(inFlight.count == 0)
        #expect(inFlight.removeAll() == [])
    }

    /// One message is not confirmed while 200,000 others are: no number is given to two at a time.
    @Test func aNumberThatIsOutIsNotUsedAgain() {
        var inFlight = InFlight<String>(window: 100)
        var last: CInt = 0
        func next() -> CInt {
            last = last == 65_535 ? 1 : last + 1
            return last
        }
        inFlight.sent(next(), "slow")
        var sent = 0
        for _ in 0..<200_000 where inFlight.hasRoom() {
            let number = next()
            #expect(number != 1)
            inFlight.sent(number, "fast")
            #expect(inFlight.confirmed(number) == "fast")
            sent += 1
        }
        #expect(sent > 50_000 && sent < 65_535)
        #expect(inFlight.confirmed(1) == "slow")
        #expect(inFlight.hasRoom() == true)
    }

    @Test func numbersGoRound() {
        var inFlight = InFlight<Int>(window: 100)
        inFlight.sent(65_530, 0)
        inFlight.sent(65_535, 1)
        inFlight.sent(3, 2)
        #expect(inFlight.hasRoom() == true)
        #expect(inFlight.removeAll() == [0, 1, 2])
    }
}
