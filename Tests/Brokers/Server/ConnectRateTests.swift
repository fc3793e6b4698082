import Testing

@testable import MartletServer

/// How many clients may connect in a time.
struct ConnectRateTests {
    @Test func asManyAsTheLimitInASecond() {
        var rate = ConnectRate(10)
        var admitted = 0
        // A storm of two seconds, 1,000 connects in each.
        for step in 0..<2_000 where rate.admits(at: .milliseconds(step)) { admitted += 1 }
        #expect((28...30).contains(admitted), "ten at once, and ten a second: \(admitted)")
        // A pause gives back no more than the limit.
        admitted = 0
        for _ in 0..<100 where rate.admits(at: .seconds(1_000)) { admitted += 1 }
        #expect(admitted == 10)
        let wasAdmitted = rate.admits(at: .seconds(999))
        #expect(!wasAdmitted, "time that goes back gives nothing")
    }
}
