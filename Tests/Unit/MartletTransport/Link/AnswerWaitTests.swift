import Martlet
import MartletTesting
import Testing

@testable import MartletTransport

/// How long answers are waited for. The value is asked as its session asks it: each time that it has said.
@Suite(.timeLimit(.minutes(5))) struct AnswerWaitTests {
    /// - Parameters:
    ///   - arrived: how many bytes have arrived after so many seconds, of the thousand up to the question's end.
    /// - Returns: after how many seconds it is over.
    private func end(
        _ limit: Duration = .seconds(10),
        until deadline: Duration? = nil,
        of given: Int = 1_000,
        arrived: (Double) -> Int
    ) -> Double {
        var wait = AnswerWait(limit, until: deadline, LinkTraffic(given: given, arrived: arrived(0)), now: .zero)
        var now = Duration.zero
        repeat { now = wait.next(now) } while !wait.isOver(arrived: arrived(now / .seconds(1)), now)
        return now / .seconds(1)
    }

    @Test func aPeerThatHasTheQuestionHasItsTimeAndNoMore() {
        #expect(end { _ in 1_000 } == 10)
        #expect(end { 1_000 + Int($0) * 100 } == 10, "what comes behind it says nothing")
        #expect(end(.seconds(Int64.max)) { _ in 1_000 } > 1e9)
    }

    @Test func theTimeCountsFromWhenTheQuestionHasArrived() {
        let time = end { Int($0) * 10 }
        #expect((107.5...110).contains(time), "\(time)")
    }

    @Test func aLinkThatCarriesNothingAnyMoreIsNotWaitedFor() {
        #expect(end { _ in 0 } == 10)
        #expect(end { min(Int($0) * 10, 400) } == 50)
        #expect(end { 400 - Int($0) } == 10, "under TLS")
    }

    @Test func aDeadlineHoldsWhateverArrives() {
        #expect(end(until: .seconds(3)) { _ in 1_000 } == 3)
        #expect(end(until: .seconds(61)) { Int($0) * 10 } == 61)
        #expect(end(until: .seconds(1_000)) { _ in 1_000 } == 10)
    }

    // MARK: By a session

    @Test func aSessionLooksAsTimePasses() async throws {
        let session = try ScriptedSession([.accepts])
        try await session.connect()
        await session.carries(LinkTraffic(given: 1_000))
        let asking = Task { try await session.ask() }
        // For three times the limit something arrives at each look, and then the question itself.
        for (look, arrived) in (Array(1...12) + [1_000, 1_001, 1_002, 1_003]).enumerated() {
            try await session.looks.wait(for: look + 1)
            await session.carries(LinkTraffic(given: 9_999, arrived: arrived))
            session.clock.advance(by: .seconds(2.5))
        }
        #expect(await errorCode { try await asking.value } == .timeout)
        #expect(session.looks.values.count == 17)
        await session.close()
    }

    @Test func anAnswerEndsTheWait() async throws {
        let session = try ScriptedSession([.accepts])
        try await session.connect()
        let asking = Task { try await session.ask() }
        try await session.looks.wait(for: 1)
        await session.replies()
        try await asking.value
        await session.close()
    }
}
