import MartletTesting
import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct DeadlinesTests {
    @Test func theEarliestTimeOfASubjectCounts() {
        var deadlines = Deadlines<String>()
        deadlines.note("a", at: .seconds(5))
        deadlines.note("b", at: .seconds(3))
        deadlines.note("a", at: .seconds(9))
        #expect(deadlines.next == .seconds(3))
        deadlines.note("a", at: .seconds(1))
        #expect(deadlines.next == .seconds(1))
        #expect(deadlines.popDue(at: .seconds(1)) == "a")
        #expect(deadlines.popDue(at: .seconds(2)) == nil)
        #expect(deadlines.next == .seconds(3))
        deadlines.forget("b")
        #expect(deadlines.next == nil)
        #expect(deadlines.popDue(at: .seconds(99)) == nil)
    }

    /// Against a plain list of times.
    @Test func itAgreesWithAListOfTimes() {
        var generator = SplitMix64(seed: 3)
        var deadlines = Deadlines<Int>()
        var reference: [Int: Duration] = [:]
        var now = Duration.zero
        for _ in 0..<20_000 {
            let subject = Int.random(in: 0..<200, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0, 1:
                let time = now + .milliseconds(Int.random(in: 0..<5_000, using: &generator))
                deadlines.note(subject, at: time)
                reference[subject] = min(time, reference[subject] ?? time)
            case 2:
                deadlines.forget(subject)
                reference[subject] = nil
            default:
                now += .milliseconds(10)
                var due: Set<Int> = []
                while let subject = deadlines.popDue(at: now) { due.insert(subject) }
                #expect(due == Set(reference.filter { $0.value <= now }.keys))
                for subject in due { reference[subject] = nil }
            }
            #expect(deadlines.next == reference.values.min())
        }
    }
}
