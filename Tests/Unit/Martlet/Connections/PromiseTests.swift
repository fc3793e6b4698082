import Martlet
import MartletTesting
import Testing

@Suite(.timeLimit(.minutes(10))) struct PromiseTests {
    @Test func theFirstEndCounts() async throws {
        let promise = Promise<Int>()
        #expect(!promise.hasEnded)
        #expect(promise.end(.success(1)))
        #expect(!promise.end(.success(2)))
        #expect(try await promise.value() == 1)
    }

    @Test func cancellingWhoWaitsEndsIt() async throws {
        let promise = Promise<Int>()
        let waiting = Task { try await promise.value() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(promise.hasEnded)
        #expect(!promise.end(.success(1)))
    }

    @Test func anObserverIsToldOnceByWhoeverEndsIt() throws {
        let promise = Promise<Int>()
        let told = Recorder<Int>()
        promise.observe { result in
            if case .success(let value) = result { told.record(value) }
        }
        #expect(told.values.isEmpty)
        promise.end(.success(1))
        promise.end(.success(2))
        #expect(told.values == [1])
    }

    @Test func anObserverThatComesLateIsToldAtOnce() {
        let promise = Promise<Int>()
        promise.end(.success(3))
        let told = Recorder<Int>()
        promise.observe { result in
            if case .success(let value) = result { told.record(value) }
        }
        #expect(told.values == [3])
    }

    /// Who is told of the first finds the others ended; and whatever came first still counts.
    @Test func ofSeveralAllHaveEndedBeforeAnyIsTold() async throws {
        let promises = (0..<3).map { _ in Promise<Int>() }
        let told = Recorder<[Bool]>()
        for promise in promises { promise.observe { _ in told.record(promises.map(\.hasEnded)) } }
        promises[1].end(.success(7))
        #expect(told.values == [[false, true, false]])
        Promise.end(promises.enumerated().map { ($1, .success($0)) })
        #expect(told.values.dropFirst() == [[true, true, true], [true, true, true]])
        for (promise, value) in zip(promises, [0, 7, 2]) { #expect(try await promise.value() == value) }
    }
}
