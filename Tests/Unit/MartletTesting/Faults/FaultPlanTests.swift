import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct FaultPlanTests {
    private let faults = Faults(delay: 0.2, duplicate: 0.2, reorder: 0.2, drop: 0.2, cut: 0.1)

    @Test func sameSeedSameDecisions() {
        let plan = FaultPlan(seed: 42, faults: faults)
        let again = FaultPlan(seed: 42, faults: faults)
        for operation in FaultPlan.Operation.allCases {
            for number in UInt64(0)..<500 {
                #expect(plan.decision(for: operation, number) == again.decision(for: operation, number))
            }
        }
    }

    @Test func otherSeedsAndOperationsDecideOtherwise() {
        func fates(_ seed: UInt64, _ operation: FaultPlan.Operation) -> [FaultPlan.Fate] {
            let plan = FaultPlan(seed: seed, faults: faults)
            return (0..<200).map { plan.decision(for: operation, $0).fate }
        }
        #expect(fates(1, .publish) != fates(2, .publish))
        #expect(fates(1, .publish) != fates(1, .send))
    }

    @Test func probabilitiesAreKept() {
        let plan = FaultPlan(seed: 3, faults: faults)
        let decisions = (UInt64(0)..<10_000).map { plan.decision(for: .publish, $0) }
        #expect((1_800...2_200).contains(decisions.count { $0.fate == .drop }))
        #expect((1_800...2_200).contains(decisions.count { $0.fate == .duplicate }))
        #expect((1_800...2_200).contains(decisions.count { $0.delay != nil }))
        #expect((850...1_150).contains(decisions.count { $0.outage != nil }))
        #expect((3_700...4_300).contains(decisions.count { $0.fate == .pass }))
    }

    @Test func withoutFaultsEverythingPasses() {
        let plan = FaultPlan(seed: 3, faults: Faults())
        for number in UInt64(0)..<1_000 {
            let decision = plan.decision(for: .send, number)
            #expect(decision.outage == nil && decision.delay == nil && decision.fate == .pass)
        }
    }

    @Test func generatorGivesTheReferenceNumbers() {
        // The numbers of the reference implementation in C for the seed 1234567.
        var generator = SplitMix64(seed: 1_234_567)
        let numbers = (0..<3).map { _ in generator.next() }
        #expect(numbers == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
    }
}
