import DequeModule
import Martlet
import Synchronization
import Testing

@testable import class Martlet.MessageStore
@testable import class Martlet.NativeProperties
@testable import class Martlet.RouteRecorder
@testable import struct Martlet.StoreClock

/// What becomes of stored messages when somebody sets the clock of the day.
@Suite(.timeLimit(.minutes(5)))
struct StoreClockTests {
    private static let second: Int64 = 1_000_000_000
    private static let hour = 3_600 * second

    @Test func aStepCountsForNoneThatWasWrittenBefore() {
        var clock = StoreClock(next: 5)
        clock.begin(5, lead: 100)
        clock.begin(10, lead: 100 + Self.hour)
        clock.begin(20, lead: 100 - Self.hour)
        func time(_ number: UInt64) -> Int64 { clock.time(7, for: number, lead: 1) }
        #expect([0, 4].allSatisfy { time($0) == 8 }, "an earlier process wrote these")
        #expect([5, 9].allSatisfy { time($0) == 107 })
        #expect([10, 19].allSatisfy { time($0) == 107 + Self.hour })
        #expect(time(20) == 107 - Self.hour)
        clock.forget(before: 15)
        #expect(time(19) == 107 + Self.hour)
        #expect(time(20) == 107 - Self.hour)
    }

    /// A clock that is set right all the time, by little.
    @Test func whatIsNoStepIsNotRemembered() {
        var clock = StoreClock(next: 1)
        for number in 1...1_000 as ClosedRange<UInt64> { clock.begin(number, lead: Int64(number) * 1_000_000) }
        #expect(abs(clock.time(0, for: 1_000, lead: 0) - Self.second) <= Self.second / 10)
        #expect(abs(clock.time(0, for: 500, lead: 0) - Self.second / 2) <= Self.second / 10)
        clock.begin(1_001, lead: .min)
        #expect(clock.time(0, for: 1_001, lead: 0) == .min)
    }

    /// Of a store whose messages may become ten minutes old.
    private static func store(in folder: Folder, _ recorder: RouteRecorder, _ wall: Shared<Int64>) async throws
        -> MessageStore
    {
        try await MessageStore.open(
            StoreOptions(folder: folder.path, maximumAge: .seconds(600)),
            timers: Timers(Timeline()),
            window: 10,
            recorder: recorder,
            wall: { wall.withLock { $0 } },
            warn: { _, _ in }
        )
    }

    private static func deliveries(_ texts: String...) -> Deque<Delivery> {
        Deque(
            texts.map { text in
                var message = Message(text)
                message.headers.native = NativeProperties(fields: [], expires: .now + .seconds(60))
                return Delivery(topic: "a", message: message)
            }
        )
    }

    /// The texts of all that a store hands out, and how long each has to live.
    private static func all(of store: MessageStore) async throws -> [(text: String?, left: Duration)] {
        store.endIntake()
        let deliveries = store.deliveries
        async let handedOut: Void = store.handOut()
        var all: [(text: String?, left: Duration)] = []
        for try await delivery in deliveries {
            let left = try #require(delivery.message.headers.native?.expires) - .now
            all.append((delivery.message.text, left))
        }
        try await handedOut
        return all
    }

    @Test(arguments: [hour, -hour]) func aStepOfTheClockMakesNoMessageOldOrYoung(_ step: Int64) async throws {
        let (folder, recorder) = (try Folder(), RouteRecorder())
        let wall = Shared<Int64>(1_700_000_000 * Self.second)
        let store = try await Self.store(in: folder, recorder, wall)
        try await store.take(Self.deliveries("0", "1", "2"))
        wall.withLock { $0 += step }
        try await store.take(Self.deliveries("3"))
        let all = try await Self.all(of: store)
        #expect(all.map(\.text) == ["0", "1", "2", "3"])
        #expect(all.allSatisfy { $0.left > .seconds(30) && $0.left <= .seconds(60) })
        #expect(recorder.statistics.storeDropped == 0)
        await store.close()
    }

    /// While the process does not run there is no other clock.
    @Test func acrossARestartTheTimeOfDayCounts() async throws {
        let (folder, recorder) = (try Folder(), RouteRecorder())
        let wall = Shared<Int64>(1_700_000_000 * Self.second)
        let first = try await Self.store(in: folder, recorder, wall)
        try await first.take(Self.deliveries("0"))
        wall.withLock { $0 += Self.hour }
        try await first.take(Self.deliveries("1"))
        await first.close()
        wall.withLock { $0 += 20 * Self.second }
        let second = try await Self.store(in: folder, recorder, wall)
        let all = try await Self.all(of: second)
        #expect(all.map(\.text) == ["1"])
        #expect(all.allSatisfy { $0.left > .seconds(10) && $0.left <= .seconds(40) })
        #expect(recorder.statistics.storeDropped == 1)
        await second.close()
    }

    /// A machine without a battery for its clock learns what time it is some time after its start.
    @Test func whatAnEarlierProcessWroteHasTheTimeOfDayAsItIsByNow() async throws {
        let (folder, recorder) = (try Folder(), RouteRecorder())
        let wall = Shared<Int64>(1_700_000_000 * Self.second)
        let first = try await Self.store(in: folder, recorder, wall)
        try await first.take(Self.deliveries("0"))
        await first.close()
        wall.withLock { $0 -= Self.hour }
        let second = try await Self.store(in: folder, recorder, wall)
        wall.withLock { $0 += Self.hour + 601 * Self.second }
        try await second.take(Self.deliveries("1"))
        let all = try await Self.all(of: second)
        #expect(all.map(\.text) == ["1"])
        #expect(recorder.statistics.storeDropped == 1)
        await second.close()
    }
}
