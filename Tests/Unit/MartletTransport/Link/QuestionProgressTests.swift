import MartletTransport
import Testing

@Suite struct QuestionProgressTests {
    @Test func whatIsBeforeAQuestionExcusesThePeerWhileItArrives() {
        var progress = QuestionProgress()
        progress.asked(upTo: 1_000)
        #expect(progress.advances(to: 300) == true)
        #expect(progress.advances(to: 300) == false, "nothing goes on")
        #expect(progress.advances(to: 301) == true)
        #expect(progress.advances(to: 1_000) == false, "it has the question now")
        #expect(progress.advances(to: 1_500) == false)
    }

    /// A peer that stands still has a system that takes what is sent, for a while.
    @Test func whatComesAfterAQuestionExcusesNobody() {
        var progress = QuestionProgress()
        progress.asked(upTo: 2)
        for arrived in 2...100 { #expect(progress.advances(to: arrived) == false) }
        progress.asked(upTo: 102)
        #expect(progress.advances(to: 102) == false)
    }

    /// Under TLS what is on the way is more than what was given to it.
    @Test func whatGoesBackIsNoProgress() {
        var progress = QuestionProgress()
        progress.asked(upTo: 1_000)
        #expect(progress.advances(to: 500) == true)
        #expect(progress.advances(to: 480) == false)
        #expect(progress.advances(to: 499) == false)
        #expect(progress.advances(to: 501) == true)
    }
}
