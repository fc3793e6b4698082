import MartletTesting
import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct ConfirmationTests {
    private struct Lost: Error {}

    /// A broker that answers with 1 has taken the message.
    private func confirmation(
        of promise: Promise<Int>,
        timer: Timers.ID? = nil,
        _ timers: Timers = Timers(Timeline())
    ) -> Martlet.Confirmation {
        Martlet.Confirmation(promise, timer: timer, of: timers) { answer in
            let answer = try answer.get()
            if answer != 1 { throw MessagingError(.refused, "it was \(answer)") }
        }
    }

    @Test func aMessageThatWasTakenNeedsNoWait() async throws {
        let promise = Promise<Int>()
        promise.end(.success(1))
        promise.end(.failure(Lost()))
        let confirmation = confirmation(of: promise)
        try await confirmation.wait()
        let told = Recorder<any Error>()
        _ = try await confirmation.tellFailure { told.record($0) }
        #expect(told.values.isEmpty)
    }

    @Test func aMessageThatWasRefusedIsNotTaken() async throws {
        let promise = Promise<Int>()
        promise.end(.success(2))
        let confirmation = confirmation(of: promise)
        #expect(await errorCode { try await confirmation.wait() } == .refused)
        let told = Recorder<any Error>()
        _ = try await confirmation.tellFailure { told.record($0) }
        #expect(told.values.map { ($0 as? MessagingError)?.code } == [.refused])
    }

    @Test func aTaskThatHasBegunToWaitIsTold() async throws {
        let promises = (0..<3).map { _ in Promise<Int>() }
        let confirmations = promises.map { confirmation(of: $0) }
        try await withThrowingTaskGroup(of: MessagingError.Code?.self) { group in
            for confirmation in confirmations[..<2] {
                group.addTask { await errorCode { try await confirmation.wait() } }
            }
            group.addTask {
                await #expect(throws: Lost.self) { try await confirmations[2].wait() }
                return nil
            }
            promises[0].end(.success(1))
            promises[1].end(.success(2))
            promises[2].end(.failure(Lost()))
            var codes: [MessagingError.Code] = []
            for try await code in group { if let code { codes.append(code) } }
            #expect(codes == [.refused])
        }
    }

    @Test func aFailureIsToldAndAWithdrawalIsNot() async throws {
        let (lost, withdrawn) = (Promise<Int>(), Promise<Int>())
        let told = Recorder<any Error>()
        _ = try await confirmation(of: lost).tellFailure { told.record($0) }
        let withdraw = try await confirmation(of: withdrawn).tellFailure { told.record($0) }
        withdraw()
        #expect(withdrawn.hasEnded)
        #expect(told.values.isEmpty)
        lost.end(.failure(Lost()))
        #expect(told.values.count == 1)
        #expect(told.values.first is Lost)
    }

    /// However the promise ends, its timer is cancelled.
    @Test(arguments: ["before", "while it waits", "cancelled", "told", "withdrawn"])
    func theTimerGoesWithThePromise(when: String) async throws {
        let clock = TestClock()
        let timers = Timers(drivenBy: Timeline(clock))
        let fired = Recorder<Int>()
        let timer = timers.schedule(at: timers.now + .milliseconds(200)) { fired.record(1) }
        let promise = Promise<Int>()
        let confirmation = confirmation(of: promise, timer: timer, timers)
        switch when {
        case "before":
            promise.end(.success(1))
            try await confirmation.wait()
        case "while it waits":
            async let waiting: Void = confirmation.wait()
            promise.end(.success(1))
            try await waiting
        case "cancelled":
            let waiting = Task { try await confirmation.wait() }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
        case "told":
            _ = try await confirmation.tellFailure { _ in }
            promise.end(.success(1))
        default:
            try await confirmation.tellFailure { _ in }()
        }
        clock.advance(by: .milliseconds(250))
        timers.fireDue()
        #expect(fired.values.isEmpty)
        await timers.stop()
    }

    /// Waiting, ending and cancelling at the same time: the wait always ends.
    @Test func noTaskWaitsForEver() async throws {
        var cancelled = 0
        for round in 0..<2_000 {
            let promise = Promise<Int>()
            let confirmation = confirmation(of: promise)
            let waiting = Task { try await confirmation.wait() }
            let ending = Task { promise.end(.success(1)) }
            if round % 2 == 0 { waiting.cancel() }
            _ = await ending.value
            if case .failure(let error) = await waiting.result {
                if !(error is CancellationError) { Issue.record(error) }
                cancelled += 1
            }
            if !promise.hasEnded { Issue.record("it has not ended") }
        }
        #expect(cancelled <= 1_000)
    }
}
