import Testing

@testable import MartletMQTT

@Suite struct InFlightTests {
    @Test func theWindowIsKept() {
        var inFlight = InFlight<String>(window: 2)
        #expect(inFlight.hasRoom == true)
        inFlight.sent(1, "a")
        inFlight.sent(2, "b")
        #expect(inFlight.hasRoom == false)
        #expect(inFlight.count == 2)
        #expect(inFlight.confirmed(1) == "a")
        #expect(inFlight.hasRoom == true)
        inFlight.limit(to: 1)
        #expect(inFlight.hasRoom == false)
    }

    @Test func whatIsNotOutIsNotConfirmed() {
        var inFlight = InFlight<String>(window: 2)
        inFlight.sent(1, "a")
        #expect(inFlight[2] == nil)
        #expect(inFlight.confirmed(2) == nil)
        #expect(inFlight[1] == "a")
        #expect(inFlight.confirmed(1) == "a")
        #expect(inFlight.confirmed(1) == nil)
    }

    @Test func whatIsLeftComesInItsOrder() {
        var inFlight = InFlight<String>(window: 10)
        for (number, text) in ["a", "b", "c", "d"].enumerated() { inFlight.sent(UInt16(number + 1), text) }
        inFlight.confirmed(2)
        // A number that was used before has its place by the message that has it now.
        inFlight.sent(2, "e")
        #expect(inFlight.unconfirmed.map(\.message) == ["a", "c", "d", "e"])
        #expect(inFlight.removeAll() == ["a", "c", "d", "e"])
        #expect(inFlight.count == 0)
        #expect(inFlight.removeAll() == [])
    }

    /// One message is not confirmed while 200,000 others are: no number is given to two at a time, nor is one that the library
    /// gives soon or has just given.
    @Test(arguments: [0, 1, 300, 16_384, 40_000, 65_535] as [UInt16])
    func aNumberThatIsOutIsNotUsedAgain(_ start: UInt16) {
        var inFlight = InFlight<String>(window: 100)
        var library = start
        let slow = inFlight.freeNumber(awayFrom: library)
        inFlight.sent(slow, "slow")
        for turn in 0..<200_000 {
            // It makes a step for every hundredth message.
            if turn % 100 == 0 { library = library == 65_535 ? 1 : library + 1 }
            let number = inFlight.freeNumber(awayFrom: library)
            let distance = abs(Int(number) - Int(library))
            guard (1...65_535).contains(number), number != slow, min(distance, 65_535 - distance) > 16_383 else {
                Issue.record("\(number) beside \(slow) and \(library)")
                return
            }
            inFlight.sent(number, "fast")
            guard inFlight.confirmed(number) == "fast" else {
                Issue.record("\(number) was not out")
                return
            }
        }
        #expect(inFlight.confirmed(slow) == "slow")
        #expect(inFlight.count == 0)
    }

    @Test func eachOfTheMostHasANumberOfItsOwn() {
        var inFlight = InFlight<Int>(window: 65_535)
        var sent = 0
        while inFlight.hasRoom {
            let number = inFlight.freeNumber(awayFrom: 77)
            #expect(inFlight[number] == nil)
            inFlight.sent(number, sent)
            sent += 1
        }
        #expect(sent == 16_384)
        #expect(inFlight.removeAll() == Array(0..<16_384))
    }

    @Test func whatIsReceivedIsUnderWayStill() {
        var inFlight = InFlight<String>(window: 1)
        inFlight.received(7)
        #expect(!inFlight.hasReceived(7))
        inFlight.sent(7, "a")
        inFlight.received(7)
        #expect(inFlight.hasReceived(7))
        #expect(!inFlight.hasRoom)
        inFlight.linkIsLost()
        #expect(inFlight.hasReceived(7) && inFlight.isRecovered(7))
        #expect(inFlight.confirmed(7) == "a")
        #expect(!inFlight.hasReceived(7) && !inFlight.isRecovered(7))
    }
}
