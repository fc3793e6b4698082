import Testing

@testable import MartletMQTT

/// Whether a broker sends a message once, or once for each subscription that matches it, is found out from what it sends.
@Suite struct CopyDetectorTests {
    @Test func copiesOfAMessageAreKnown() {
        var detector = CopyDetector()
        for number in 0..<3 {
            #expect(detector.isCopy("t", "\(number)", of: 2) == false)
            #expect(detector.isCopy("t", "\(number)", of: 2) == true)
        }
        #expect(detector.isCopy("t", "once", of: 1) == false)
        #expect(detector.isCopy("t", "once", of: 1) == false, "only one subscription matches it")
    }

    /// The same is said again and again, to a broker that sends each message once.
    @Test func whatIsPublishedTwiceArrivesTwice() {
        var detector = CopyDetector()
        #expect(detector.isCopy("t", "on", of: 2) == false)
        let question = detector.takeQuestion()
        #expect(question != nil)
        #expect(detector.takeQuestion() == nil, "one question a message")
        detector.answered(question ?? 0)
        for _ in 0..<10 { #expect(detector.isCopy("t", "on", of: 2) == false) }
        #expect(detector.takeQuestion() == nil, "it is known")
    }

    @Test func anotherMessageTellsThatThereAreNoCopies() {
        var detector = CopyDetector()
        #expect(detector.isCopy("t", "1", of: 2) == false)
        #expect(detector.isCopy("t", "2", of: 2) == false)
        #expect(detector.isCopy("t", "2", of: 2) == false, "it was published twice")
    }

    @Test func theHabitOfSendingCopiesIsLearned() {
        var detector = CopyDetector()
        var questions = 0
        for _ in 0..<100 {
            #expect(detector.isCopy("t", "1", of: 3) == false, "it is published again, and comes three times more")
            #expect(detector.isCopy("t", "1", of: 3) == true)
            #expect(detector.isCopy("t", "1", of: 3) == true)
            guard let question = detector.takeQuestion() else { continue }
            questions += 1
            detector.answered(question)
        }
        #expect(questions > 1 && questions < 50, "the same may have been published again meanwhile")
    }

    /// Copies have nothing between them.
    @Test func anythingElseThatComesTellsThatThereAreNoCopies() {
        var detector = CopyDetector()
        #expect(detector.isCopy("t", "on", of: 2) == false)
        detector.interrupted()
        #expect(detector.isCopy("t", "on", of: 2) == false)
        #expect(detector.isCopy("t", "on", of: 2) == false)
    }

    /// Between a SUBSCRIBE and its answer nobody knows how many subscriptions the broker has.
    @Test func whatChangesMeanwhileProvesNothing() {
        var detector = CopyDetector()
        #expect(detector.isCopy("t", "1", of: 2) == false)
        detector.changed()
        #expect(detector.isCopy("t", "2", of: 2) == false)
        #expect(detector.isCopy("t", "2", of: 2) == true)
    }
}

extension CopyDetector {
    fileprivate mutating func isCopy(_ topic: String, _ body: String, of count: Int) -> Bool {
        isCopy(topic, Array(body.utf8), of: count, isCertain: true)
    }
}
