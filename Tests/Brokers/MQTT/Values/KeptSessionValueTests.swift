import Martlet
import Testing

@testable import MartletMQTT

/// The values that a kept session is handled with.
@Suite struct KeptSessionValueTests {
    // MARK: What each server is to end

    @Test func eachServerIsToldOnce() {
        var departures = Departures(servers: 2)
        departures.add("a")
        departures.add("b")
        #expect(departures.owed(to: 0) == ["a", "b"])
        departures.ended("a", at: 0)
        #expect(departures.owed(to: 0) == ["b"])
        #expect(departures.owed(to: 1) == ["a", "b"])
        departures.knowsNothing(1)
        #expect(departures.owed(to: 1) == [])
        #expect(departures.count == 1)
        departures.cancel("b")
        #expect(departures.count == 0)
    }

    @Test func aCleanSessionOwesNothing() {
        var departures = Departures(servers: 0)
        departures.add("a")
        #expect(departures.count == 0)
    }

    @Test func theOldestAreForgotten() {
        var departures = Departures(servers: 1)
        for number in 0...Departures.limit { departures.add("\(number)") }
        #expect(departures.count == Departures.limit)
        #expect(departures.owed(to: 0).first == "1")
    }

    // MARK: What came too early

    private func message(_ text: String, by numbers: [Int] = []) -> ReceivedMessage {
        ReceivedMessage(topic: "t/x", body: Array(text.utf8), quality: 1, isRetained: false, subscriptions: numbers)
    }

    private func orphans(at time: Duration = .zero) -> Orphans {
        var orphans = Orphans()
        orphans.begin(isKept: true, time)
        return orphans
    }

    @Test func whatCameEarlyIsForItsFirstSubscriber() {
        var orphans = orphans()
        for number in 0..<3 {
            #expect(orphans.add(message("\(number)"), key: "t.x", strangers: [], isRead: false, .seconds(60)) == 0)
        }
        #expect(orphans.take(matching: "u.#", id: 1, .seconds(60)).count == 0)
        #expect(orphans.take(matching: "t.#", id: 1, .seconds(60)).map(\.text) == ["0", "1", "2"])
        #expect(orphans.take(matching: "t.x", id: 2, .seconds(60)).count == 0)
    }

    @Test func thereAreNotMoreThanTheLimitAndTheRestIsCounted() {
        var orphans = orphans()
        var dropped = 0
        for number in 0..<(Orphans.limit + 7) {
            dropped += orphans.add(message("\(number)"), key: "t.x", strangers: [], isRead: false, .seconds(60))
        }
        #expect(dropped == 7)
        #expect(orphans.take(matching: "t.x", id: 1, .zero).count == Orphans.limit)
        let large = ReceivedMessage(
            topic: "t/x",
            body: [UInt8](repeating: 0, count: Orphans.maximumBytes / 2 + 1),
            quality: 1,
            isRetained: false,
            subscriptions: []
        )
        #expect(orphans.add(large, key: "t.x", strangers: [], isRead: false, .seconds(60)) == 0)
        #expect(orphans.add(large, key: "t.x", strangers: [], isRead: false, .seconds(60)) == 1)
    }

    /// What is read is acknowledged; those who are to read it are about to subscribe.
    @Test func whileTheProcessIsYoungReadingPausesInsteadOfDropping() {
        var orphans = orphans()
        for number in 0..<(Orphans.limit - 1) {
            _ = orphans.add(message("\(number)"), key: "t.x", strangers: [], isRead: false, .seconds(1))
        }
        #expect(orphans.floodEnds(.seconds(1)) == nil)
        for number in 0..<100 {
            let dropped = orphans.add(message("\(number)"), key: "t.x", strangers: [], isRead: false, .seconds(1))
            #expect(dropped == 0)
        }
        #expect(orphans.floodEnds(.seconds(1)) == Orphans.youth)
        #expect(orphans.floodEnds(Orphans.youth) == nil)
        let dropped = orphans.add(message("late"), key: "t.x", strangers: [], isRead: false, Orphans.youth)
        #expect(dropped == 100)
    }

    /// Two filters of the process before match it, and the broker has sent it once for each.
    @Test func whatCameByAFilterIsForThatFilter() {
        var orphans = orphans()
        _ = orphans.add(message("wide", by: [7]), key: "t.x", strangers: [7], isRead: true, .zero)
        #expect(
            orphans.take(matching: "t.x", id: 5, .zero).count == 0,
            "somebody has got it, and it is not for this one"
        )
        #expect(orphans.take(matching: "t.#", id: 7, .zero).map(\.text) == ["wide"])
        #expect(orphans.take(matching: "t.#", id: 7, .zero).count == 0)
    }

    @Test func whereTheBrokerDoesNotTellWhatCameFirstIsForLaterOnesForAWhile() {
        var orphans = orphans(at: .seconds(100))
        #expect(orphans.keepsRead(isForOthers: false, isIdentified: false, .seconds(101)))
        #expect(!orphans.keepsRead(isForOthers: false, isIdentified: false, .seconds(111)))
        #expect(!orphans.keepsRead(isForOthers: false, isIdentified: true, .seconds(101)))
        _ = orphans.add(message("1"), key: "t.x", strangers: [], isRead: true, .seconds(101))
        #expect(orphans.take(matching: "t.#", id: 1, .seconds(102)).map(\.text) == ["1"])
        #expect(orphans.take(matching: "t.#", id: 1, .seconds(111)).count == 0)
    }

    // MARK: Kept messages

    @Test func eachTopicIsTakenOnceUntilAllAreThere() {
        var intake = RetainedIntake()
        #expect(intake.takes(1, .zero) == false)
        intake.begin(.zero)
        #expect(intake.takes(1, .seconds(1)) == true)
        #expect(intake.takes(1, .seconds(1)) == false)
        intake.passed(2)
        #expect(intake.takes(2, .seconds(1)) == true, "new ones may have come before the broker was asked")
        intake.asked(7)
        intake.answered(6, .seconds(2))
        intake.passed(3)
        #expect(intake.takes(3, .seconds(2)) == true, "the answer was to somebody else")
        intake.answered(7, .seconds(2))
        intake.passed(3)
        intake.passed(4)
        #expect(intake.takes(4, .seconds(2)) == false)
        #expect(intake.readDry(.seconds(11)) == true)
        #expect(intake.readDry(.seconds(12)) == false)
        #expect(intake.takes(5, .seconds(12)) == false)
    }

    @Test func whatTheBrokerHasNotAnsweredStaysOpen() {
        var intake = RetainedIntake()
        intake.begin(.zero)
        #expect(intake.readDry(.seconds(1_000)) == true)
        #expect(intake.takes(1, .seconds(1_000)) == true)
    }
}

extension ReceivedMessage {
    fileprivate var text: String { String(decoding: body, as: UTF8.self) }
}
