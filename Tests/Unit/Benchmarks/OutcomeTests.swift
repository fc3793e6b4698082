import Foundation
import Testing

@testable import benchmarks

@Suite struct OutcomeTests {
    private func workload(_ quantity: Quantity, _ goal: Goal) -> Workload {
        Workload(
            name: "test",
            broker: .none,
            quantity: quantity,
            goal: goal,
            martlet: Contender(measured: .martlet("memory", "publish"))
        )
    }

    private func series(rates: [Double]) -> Series {
        Series(runs: rates.map { Figures(rate: $0, cpuSeconds: 2) }, count: 1_000_000, systemCalls: 0.5)
    }

    @Test func theRatioIsThatOfThePairs() {
        // The machine was slow for the second pair: the ratio does not notice.
        let outcome = Outcome(
            workload(.rate, .atLeast(ratio: 0.9)),
            martlet: series(rates: [100, 20, 90]),
            rival: series(rates: [100, 20, 100])
        )
        #expect(outcome.ratio == 1)
        #expect(outcome.isMet == true)
        #expect(outcome.martlet.cpuTime == 2)
    }

    @Test(arguments: [
        (Goal.atLeast(ratio: 0.9), 0.9, true), (.atLeast(ratio: 0.9), 0.89, false),
        (.atMost(ratio: 1.25), 1.25, true), (.atMost(ratio: 1.25), 1.26, false),
    ])
    func aRatioIsJudged(goal: Goal, ratio: Double, expected: Bool) {
        #expect(goal.isMet(value: 0, ratio: ratio) == expected)
    }

    @Test func aFigureWithoutAnotherIsJudgedAlone() {
        let figures = Series(runs: [Figures(bytes: 2_000)], count: 10_000)
        let outcome = Outcome(workload(.memoryEach, .below(2_048)), martlet: figures)
        #expect(outcome.isMet == true)
        #expect(outcome.ratio == nil)
        #expect(outcome.summary == "Martlet 2,000 B")
    }

    @Test func whatFailedIsNeitherMetNorMissed() {
        let outcome = Outcome(
            workload(.rate, .atLeast(ratio: 0.9)),
            martlet: series(rates: [1]),
            rival: series(rates: []),
            failure: "it hung"
        )
        #expect(outcome.isMet == nil)
        #expect(outcome.summary == "failed")
        #expect(Outcome.table([outcome]).text.contains("failed"))
    }

    @Test func jsonHasEachFigureOfEachRun() throws {
        let outcome = Outcome(
            workload(.rate, .atLeast(ratio: 0.9)),
            martlet: series(rates: [10, 30, 20]),
            rival: series(rates: [10, 10, 10])
        )
        let text = try Outcome.json([outcome])
        let objects = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
        let object = try #require(objects.first)
        #expect(object["workload"] as? String == "test")
        #expect(object["martlet"] as? Double == 20)
        #expect(object["ratio"] as? Double == 2)
        let runs = try #require(object["runs"] as? [String: [[String: Double]]])
        #expect(runs["martlet"]?.map { $0["rate"] } == [10, 30, 20])
    }
}
