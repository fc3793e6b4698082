#if os(Linux)
import Testing

@testable import MartletSimulation

@Suite struct JobOrderTests {
    private static let lengths = (1...200).map { $0 % 7 + 1 }

    private static func picks(_ seed: UInt64) -> ([Int], UInt64) {
        var order = JobOrder(seed: seed)
        return (lengths.map { order.pick(of: $0) }, order.hash.value)
    }

    @Test func aSeedPicksTheSame() {
        #expect(Self.picks(7) == Self.picks(7))
    }

    @Test func seedsPickOtherOnes() {
        let sums = Set((1...200).map { Self.picks($0).1 })
        #expect(sums.count == 200)
    }

    @Test func eachOfThoseThatAreReadyIsPicked() {
        var order = JobOrder(seed: 3)
        var counts = [0, 0, 0, 0]
        for _ in 0..<4_000 { counts[order.pick(of: 4)] += 1 }
        #expect(counts.allSatisfy { (800...1_200).contains($0) })
    }

    @Test func namesHaveSeedsOfTheirOwn() {
        #expect(TraceHash.seed(1, for: "a") != TraceHash.seed(1, for: "b"))
        #expect(TraceHash.seed(1, for: "a") != TraceHash.seed(2, for: "a"))
    }
}
#endif
