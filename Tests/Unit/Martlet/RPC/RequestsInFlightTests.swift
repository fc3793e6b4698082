import Synchronization
import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct RequestsInFlightTests {
    private let delivery = Delivery(topic: "q", message: Message())

    @Test func aRepeatedRequestJoinsTheFirst() {
        let inFlight = RequestsInFlight()
        #expect(inFlight.claim("1", replyTo: "a", delivery))
        #expect(!inFlight.claim("1", replyTo: "a", delivery))
        let (isAwaited, duplicates) = inFlight.end("1", replyTo: "a")
        #expect(isAwaited)
        #expect(duplicates.count == 1)
        #expect(inFlight.claim("1", replyTo: "a", delivery))
    }

    @Test func oneIDOfTwoCallersIsTwoRequests() {
        let inFlight = RequestsInFlight()
        #expect(inFlight.claim("1", replyTo: "a", delivery))
        #expect(inFlight.claim("1", replyTo: "b", delivery))
        #expect(inFlight.end("1", replyTo: "a").isAwaited)
        #expect(inFlight.end("1", replyTo: "b").isAwaited)
    }

    /// Swift takes texts for equal that look alike; who sends them need not.
    @Test func idsThatLookAlikeAreTwoRequests() {
        let inFlight = RequestsInFlight()
        let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
        #expect(inFlight.claim(composed, replyTo: "a", delivery))
        #expect(inFlight.claim(decomposed, replyTo: "a", delivery))
        inFlight.cancel(composed)
        #expect(!inFlight.end(composed, replyTo: "a").isAwaited)
        #expect(inFlight.end(decomposed, replyTo: "a").isAwaited)
        inFlight.cancel(composed)
        #expect(inFlight.wasCancelled(composed))
        #expect(!inFlight.wasCancelled(decomposed))
    }

    @Test func closingCancelsRequestsThatComeLaterToo() {
        let inFlight = RequestsInFlight()
        let cancelled = Atomic(0)
        #expect(inFlight.claim("1", replyTo: "a", delivery))
        inFlight.begin("1", replyTo: "a") { cancelled.add(1, ordering: .relaxed) }
        inFlight.cancelAll()
        #expect(inFlight.claim("2", replyTo: "a", delivery))
        inFlight.begin("2", replyTo: "a") { cancelled.add(1, ordering: .relaxed) }
        #expect(cancelled.load(ordering: .relaxed) == 2)
        #expect(!inFlight.end("1", replyTo: "a").isAwaited)
        #expect(!inFlight.end("2", replyTo: "a").isAwaited)
    }

    /// Its time is over while its handler begins: whichever comes first, the handler is cancelled and the caller told.
    @Test(arguments: [false, true]) func anInterruptedRequestIsCancelledAndStillAnswered(early: Bool) {
        let inFlight = RequestsInFlight()
        let cancelled = Atomic(0)
        #expect(inFlight.claim("1", replyTo: "a", delivery))
        if early { inFlight.interrupt("1", replyTo: "a") }
        inFlight.begin("1", replyTo: "a") { cancelled.add(1, ordering: .relaxed) }
        if !early { inFlight.interrupt("1", replyTo: "a") }
        #expect(cancelled.load(ordering: .relaxed) == 1)
        #expect(inFlight.end("1", replyTo: "a").isAwaited)
    }

    @Test func whoStopsCancelsAllAndWaitsForTheLast() async {
        let inFlight = RequestsInFlight()
        let cancelled = Atomic(0)
        await inFlight.waitUntilIdle()
        for id in ["1", "2"] {
            #expect(inFlight.claim(id, replyTo: "a", delivery))
            inFlight.taskBegins()
            inFlight.begin(id, replyTo: "a") { cancelled.add(1, ordering: .relaxed) }
        }
        inFlight.stop()
        #expect(cancelled.load(ordering: .relaxed) == 2)
        async let idle: Void = inFlight.waitUntilIdle()
        inFlight.taskEnds()
        inFlight.taskEnds()
        await idle
        #expect(inFlight.isStopping)
    }
}
