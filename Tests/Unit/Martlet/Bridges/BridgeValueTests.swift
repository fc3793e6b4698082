import Martlet
import Testing

@testable import struct Martlet.BridgeMark
@testable import struct Martlet.DeletionMemory
@testable import struct Martlet.DuplicateWindow
@testable import struct Martlet.Sampler
@testable import struct Martlet.TokenBucket

struct BridgeValueTests {
    // MARK: Deletions

    @Test func aTopicIsDeletedAgainWhenSomethingElseHasPassed() {
        var memory = DeletionMemory(limit: 2)
        // None is forgotten for another.
        let begun = ["a", "a", "b", "c"].map { memory.begins($0) }
        #expect(begun == [true, false, true, false])
        memory.forget("a")
        let isBegunAgain = memory.begins("a")
        #expect(isBegunAgain)
    }

    // MARK: Marks

    @Test func aMarkedMessageDoesNotPassAgain() {
        let stamp = BridgeMark(bridge: "a", hopLimit: 8)
        var headers = Headers()
        #expect(stamp.verdict(on: headers) == .pass)
        stamp.mark(&headers, origin: "sensors.door")
        #expect(headers["bridge-path"] == "a")
        #expect(headers["bridge-origin"] == "sensors.door")
        #expect(stamp.verdict(on: headers) == .loop)
        // Names are whole ones.
        #expect(BridgeMark(bridge: "aa", hopLimit: 8).verdict(on: headers) == .pass)
    }

    @Test func whatHasPassedABridgeOfAMeshPassesNoOtherOfIt() {
        var headers = Headers()
        BridgeMark(bridge: "in", hopLimit: 8).mark(&headers, origin: "")
        let ab = BridgeMark(bridge: "ab", mesh: "site", hopLimit: 8)
        #expect(ab.verdict(on: headers) == .pass, "it came from outside")
        ab.mark(&headers, origin: "")
        #expect(headers["bridge-meshes"] == "site")
        #expect(BridgeMark(bridge: "bc", mesh: "site", hopLimit: 8).verdict(on: headers) == .loop)
        #expect(BridgeMark(bridge: "bc", mesh: "sit", hopLimit: 8).verdict(on: headers) == .pass)
        let out = BridgeMark(bridge: "out", mesh: "other", hopLimit: 8)
        #expect(out.verdict(on: headers) == .pass)
        out.mark(&headers, origin: "")
        #expect(headers["bridge-meshes"] == "site,other")
    }

    /// What is too long for a header of some broker may lose its end, where this bridge's name would be.
    @Test func aPathThatNoBridgesHaveWrittenIsRefused() {
        let stamp = BridgeMark(bridge: "a", hopLimit: 8)
        let name = String(repeating: "n", count: 64)
        let long = [String](repeating: name, count: 7).joined(separator: ",")
        #expect(stamp.verdict(on: ["bridge-path": .string(long)]) == .pass)
        #expect(stamp.verdict(on: ["bridge-path": .string(String(repeating: "n", count: 65_500))]) == .tooFar)
        #expect(
            stamp.verdict(on: ["bridge-path": .string(String(repeating: "n", count: 65_500)), "bridge-hop-limit": 1])
                == .tooFar
        )
    }

    @Test func theOriginIsThatOfTheFirst() {
        var headers = Headers()
        BridgeMark(bridge: "a", hopLimit: 8).mark(&headers, origin: "one")
        BridgeMark(bridge: "b", hopLimit: 8).mark(&headers, origin: "two")
        #expect(headers["bridge-path"] == "a,b")
        #expect(headers["bridge-origin"] == "one")
    }

    @Test func theStrictestHopLimitCounts() {
        var headers = Headers()
        BridgeMark(bridge: "a", hopLimit: 2).mark(&headers, origin: "")
        #expect(BridgeMark(bridge: "b", hopLimit: 8).verdict(on: headers) == .pass)
        BridgeMark(bridge: "b", hopLimit: 8).mark(&headers, origin: "")
        #expect(BridgeMark(bridge: "c", hopLimit: 8).verdict(on: headers) == .tooFar)
        #expect(BridgeMark(bridge: "c", hopLimit: 1).verdict(on: headers) == .tooFar)
    }

    @Test func hostileMarksAreReadAsTheyAre() {
        let stamp = BridgeMark(bridge: "a", hopLimit: 8)
        #expect(stamp.verdict(on: ["bridge-path": .bytes([0xff])]) == .pass)
        #expect(stamp.verdict(on: ["bridge-path": ",,,,,,,,,,,"]) == .pass)
        #expect(stamp.verdict(on: ["bridge-path": .string(String(repeating: "x,", count: 100_000))]) == .tooFar)
        #expect(stamp.verdict(on: ["bridge-path": "x", "bridge-hop-limit": -1]) == .tooFar)
    }

    @Test(arguments: ["", "a,b", "a b", "a\n", String(repeating: "x", count: 65)])
    func refusesNamesThatCannotStandInAPath(name: String) {
        #expect(throws: MessagingError.self) { try BridgeMark(bridge: name, hopLimit: 8).validate() }
    }

    // MARK: Duplicates

    @Test func aWindowForgetsTheOldest() {
        var window = DuplicateWindow(limit: 2)
        for id in ["a", "b", "b", "c"] { window.record(id) }
        #expect(!window.contains("a"))
        #expect(window.contains("b") && window.contains("c"))
    }

    @Test func aWindowTellsApartWhatLooksAlike() {
        var window = DuplicateWindow(limit: 2)
        window.record("caf\u{e9}")
        #expect(!window.contains("cafe\u{301}"))
        for id in ["cafe\u{301}", "caf\u{e9}", "x"] { window.record(id) }
        #expect(!window.contains("caf\u{e9}"))
        #expect(window.contains("cafe\u{301}") && window.contains("x"))
    }

    // MARK: Rates

    @Test func aBucketLetsItsRatePass() {
        var bucket = TokenBucket(RateLimit(perSecond: 10, burst: 2), now: .zero)
        let waits = [Duration.zero, .zero, .zero, .milliseconds(100)].map { bucket.take(at: $0) }
        #expect(waits == [nil, nil, .milliseconds(100), nil])
        // A long pause fills it no further than its burst.
        let passed = (0..<10).count { _ in bucket.take(at: .seconds(100)) == nil }
        #expect(passed == 2)
        // A clock that goes back does no harm.
        let back = bucket.take(at: .zero)
        #expect(back != nil)
    }

    @Test func samplesByTopic() {
        var every = Sampler(.every(3))
        let taken = (0..<7).map { _ in every.takes("a", at: .zero) }
        #expect(taken == [true, false, false, true, false, false, true])
        let other = every.takes("b", at: .zero)
        #expect(other)
        var interval = Sampler(.interval(.seconds(1)))
        let spaced = [("a", 0), ("a", 999), ("b", 999), ("a", 1_000)].map {
            interval.takes(TopicName($0), at: .milliseconds($1))
        }
        #expect(spaced == [true, false, true, true])
    }
}
