import Martlet
import MartletTesting
import Testing

@testable import MartletRedis

@Suite(.timeLimit(.minutes(1))) struct AnswerTests {
    private struct Lost: Error {}

    private static let refusal = RedisValue.error(RedisError("NOPERM no"))

    @Test func aPublishThatWasTakenNeedsNoWait() async throws {
        let answer = Answer(of: "a")
        #expect(!answer.hasEnded)
        #expect(try !answer.isConfirmed())
        answer.end(.success(.integer(2)))
        // Whatever comes first counts.
        answer.end(.failure(Lost()))
        answer.end(.success(Self.refusal))
        answer.withdraw()
        #expect(answer.hasEnded)
        #expect(try answer.isConfirmed())
        try await answer.wait()
        let told = Recorder<Int>()
        answer.tellFailure({ _ in Issue.record("it was taken") }, atEnd: { told.record(1) })
        #expect(told.values == [1])
    }

    @Test func aPublishThatWasRefusedIsNotTaken() async throws {
        let answer = Answer(of: "a")
        answer.end(.success(Self.refusal))
        answer.end(.success(.integer(1)))
        #expect(answer.hasEnded)
        #expect(await errorCode { _ = try answer.isConfirmed() } == .refused)
        #expect(await errorCode { try await answer.wait() } == .refused)
    }

    @Test func whoHasBegunToWaitIsTold() async throws {
        let (taken, refused, lost) = (Answer(of: "a"), Answer(of: "a"), Answer(of: "a"))
        try await withThrowingTaskGroup(of: MessagingError.Code?.self) { group in
            for answer in [taken, refused] { group.addTask { await errorCode { try await answer.wait() } } }
            group.addTask {
                await #expect(throws: Lost.self) { try await lost.wait() }
                return nil
            }
            taken.end(.success(.integer(0)))
            refused.end(.success(Self.refusal))
            lost.end(.failure(Lost()))
            var codes: [MessagingError.Code] = []
            for try await code in group { if let code { codes.append(code) } }
            #expect(codes == [.refused])
        }
    }

    @Test func whoEndsItMayTellLater() async throws {
        let answers = (0..<3).map { _ in Answer(of: "a") }
        let told = Recorder<[Bool]>()
        for answer in answers.dropFirst() { answer.observe { _ in told.record(answers.map(\.hasEnded)) } }
        let tellers = answers.map { $0.endUntold(.success(.integer(1))) }
        #expect(tellers.map { $0 != nil } == [false, true, true], "nobody waits for the first")
        #expect(told.values.isEmpty)
        for tell in tellers { tell?() }
        #expect(told.values == [[true, true, true], [true, true, true]])
        #expect(answers[1].endUntold(.failure(Lost())) == nil)
    }

    @Test func anObserverIsToldOnce() {
        let answer = Answer(of: "a")
        let told = Recorder<Bool>()
        answer.observe { result in
            told.record((try? result.get().integer) != nil)
        }
        answer.end(.success(.integer(1)))
        answer.end(.success(.integer(1)))
        #expect(told.values == [true])
    }

    @Test func aCommandKeepsWhatItWasAnswered() async throws {
        let answer = Answer()
        answer.end(.success(.integer(7)))
        #expect(try await answer.value().integer == 7)
    }

    /// Waiting, ending and cancelling at the same time: the wait always ends.
    @Test func nobodyWaitsForEver() async throws {
        var cancelled = 0
        for round in 0..<2_000 {
            let answer = Answer(of: "a")
            let waiting = Task { try await answer.wait() }
            let ending = Task { answer.end(.success(.integer(1))) }
            if round % 2 == 0 { waiting.cancel() }
            await ending.value
            if case .failure(let error) = await waiting.result {
                if !(error is CancellationError) { Issue.record(error) }
                cancelled += 1
            }
            if !answer.hasEnded { Issue.record("it has not ended") }
        }
        #expect(cancelled <= 1_000)
    }
}
