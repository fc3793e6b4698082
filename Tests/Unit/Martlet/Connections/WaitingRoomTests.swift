import MartletTesting
import Synchronization
import Testing

@testable import Martlet

@Suite(.timeLimit(.minutes(10))) struct WaitingRoomTests {
    private struct Closed: Error {}
    private typealias Room = WaitingRoom<Int>

    /// A room under a lock, as its users have it.
    private final class Users: Sendable {
        let room = Mutex(Room())

        func park(_ element: Int) -> UInt64 { room.withLock { $0.park(element) } }
        func wait(for id: UInt64) async throws {
            try await Room.wait(for: id) { body in self.room.withLock { body(&$0) } }
        }
        func letIn() -> Int? {
            let first = room.withLock { $0.popFirst() }
            first?.continuation?.resume()
            return first?.element
        }
        /// Returns once so many producers wait.
        func until(_ count: Int) async {
            while room.withLock({ $0.waitingCount }) < count { await Task.yield() }
        }
    }

    @Test func producersAreLetInInTheirOrder() async throws {
        let users = Users()
        let places = (0..<3).map { users.park($0) }
        let waiting = places.map { place in Task { try await users.wait(for: place) } }
        await users.until(3)
        #expect((0..<4).map { _ in users.letIn() } == [0, 1, 2, nil])
        for task in waiting { try await task.value }
    }

    @Test func anElementThatWasLetInBeforeItsProducerAskedIsIn() async throws {
        let users = Users()
        let place = users.park(7)
        #expect(users.letIn() == 7)
        try await users.wait(for: place)
    }

    /// A cancellation that comes too late takes nothing back, and so is no error.
    @Test func aProducerThatIsCancelledAfterItsElementWasLetInGoesOn() async throws {
        let users = Users()
        let place = users.park(7)
        #expect(users.letIn() == 7)
        let waiting = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await users.wait(for: place)
        }
        try await waiting.value
    }

    @Test(arguments: [true, false]) func aCancelledProducerTakesItsElementBack(isLate: Bool) async throws {
        let users = Users()
        let places = (0..<2).map { users.park($0) }
        let waiting = Task {
            if !isLate { withUnsafeCurrentTask { $0?.cancel() } }
            try await users.wait(for: places[0])
        }
        if isLate {
            await users.until(1)
            waiting.cancel()
        }
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(users.letIn() == 1)
        #expect(users.room.withLock { $0.hasNothingToTell })
    }

    @Test func allFailWhetherTheyWaitOrHaveYetTo() async throws {
        let users = Users()
        let places = (0..<2).map { users.park($0) }
        let waiting = Task { try await users.wait(for: places[0]) }
        await users.until(1)
        for producer in users.room.withLock({ $0.failAll(Closed()) }) { producer.resume(throwing: Closed()) }
        await #expect(throws: Closed.self) { try await waiting.value }
        await #expect(throws: Closed.self) { try await users.wait(for: places[1]) }
        #expect(users.letIn() == nil)
        #expect(users.room.withLock { $0.hasNothingToTell })
    }

    /// They go on, and their elements stay, even if one of them is cancelled on its way.
    @Test func thoseThatAreLetGoLeaveTheirElements() async throws {
        let users = Users()
        let places = (0..<2).map { users.park($0) }
        let waiting = Task { try await users.wait(for: places[0]) }
        await users.until(1)
        let producers = users.room.withLock { $0.letAllGo() }
        waiting.cancel()
        for producer in producers { producer.resume() }
        try await waiting.value
        try await users.wait(for: places[1])
        #expect([users.letIn(), users.letIn()] == [0, 1])
        #expect(users.room.withLock { $0.hasNothingToTell })
    }
}

extension WaitingRoom {
    /// How many producers wait, of those that parked an element.
    fileprivate var waitingCount: Int { parked.count { $0.continuation != nil } }
    fileprivate var hasNothingToTell: Bool { untold.isEmpty }
}
