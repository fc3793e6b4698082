import Testing

@testable import MartletAMQP

@Suite struct SettlementWindowTests {
    /// The numbers, and whether each stands for those before it.
    private func take(_ window: inout SettlementWindow) -> [(UInt64, Bool)] {
        window.takeAcknowledgements().compactMap { method in
            if case .ack(let tag, let multiple) = method { (tag, multiple) } else { nil }
        }
    }

    @Test func whatIsInOrderIsToldAtOnce() {
        var window = SettlementWindow()
        for number in 1...5 as ClosedRange<UInt64> { window.delivered(number) }
        for number in [2, 1, 3] as [UInt64] { window.acknowledge(number) }
        let told = take(&window)
        #expect(told.map(\.0) == [3] && told.map(\.1) == [true])
        window.acknowledge(4)
        // One alone stands for no other.
        #expect(take(&window).map(\.1) == [false])
        #expect(take(&window).isEmpty)
        #expect(window.count == 1)
    }

    @Test func whatIsHeldHoldsUpNothing() {
        var window = SettlementWindow()
        for number in 1...4 as ClosedRange<UInt64> { window.delivered(number) }
        window.acknowledge(4)
        window.acknowledge(2)
        let told = take(&window)
        #expect(told.map(\.0) == [4, 2] && told.allSatisfy { !$0.1 })
        window.told(1)
        window.acknowledge(3)
        #expect(take(&window).map(\.0) == [3])
        #expect(window.count == 0)
    }

    @Test func oneThatIsHeldForLongKeepsNoEndlessPlaces() {
        var window = SettlementWindow()
        window.delivered(1)
        for number in 2...10_000 as ClosedRange<UInt64> {
            window.delivered(number)
            window.acknowledge(number)
            #expect(take(&window).map(\.0) == [number])
            #expect(window.count < 2_000)
        }
        window.acknowledge(1)
        #expect(take(&window).map(\.0) == [1])
        // Now it counts again.
        for number in 10_001...10_003 as ClosedRange<UInt64> {
            window.delivered(number)
            window.acknowledge(number)
        }
        let told = take(&window)
        #expect(told.map(\.0) == [10_003] && told.map(\.1) == [true])
    }

    @Test(arguments: 0..<50) func eachIsToldOnceAndNoneThatIsHeld(_ seed: Int) {
        var random = RandomNumbers(seed: UInt64(seed + 1))
        var window = SettlementWindow()
        var held: [UInt64] = []
        var acknowledged: Set<UInt64> = []
        /// What the broker takes for open.
        var open: Set<UInt64> = []
        var last: UInt64 = 0
        func check() {
            for method in window.takeAcknowledgements() {
                guard case .ack(let tag, let multiple) = method else {
                    Issue.record("something else is told")
                    continue
                }
                let told = multiple ? open.filter { $0 <= tag } : open.intersection([tag])
                #expect(!told.isEmpty)
                #expect(told.isSubset(of: acknowledged))
                open.subtract(told)
                acknowledged.subtract(told)
            }
            #expect(acknowledged.isEmpty)
        }
        for _ in 0..<3_000 {
            switch random.next(upTo: 10) {
            case 0..<5:
                last += 1
                window.delivered(last)
                held.append(last)
                open.insert(last)
            case 5..<8:
                guard !held.isEmpty else { continue }
                // Mostly the oldest.
                let number = held.remove(at: random.next(upTo: 4) == 0 ? random.next(upTo: held.count) : 0)
                window.acknowledge(number)
                acknowledged.insert(number)
            case 8:
                guard !held.isEmpty else { continue }
                let number = held.remove(at: random.next(upTo: held.count))
                open.remove(number)
                window.told(number)
            default:
                check()
            }
        }
        for number in held {
            window.acknowledge(number)
            acknowledged.insert(number)
        }
        check()
        #expect(open.isEmpty)
        #expect(window.count == 0)
    }

    @Test func aBrokerThatCountsStrangelyIsToldOneByOne() {
        var window = SettlementWindow()
        let numbers: [UInt64] = [7, 9, .max, 0, 8, .max, 1]
        for number in numbers { window.delivered(number) }
        for number in numbers { window.acknowledge(number) }
        #expect(Set(take(&window).map(\.0)) == Set(numbers))
        #expect(window.count == 0)
    }
}

private struct RandomNumbers {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    mutating func next(upTo bound: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(bound))
    }
}
