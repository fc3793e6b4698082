import Testing

@testable import playground

@Suite("Network traffic", .timeLimit(.minutes(10)))
struct NetworkTests {
    private static let headings = """
        Inter-|   Receive                                                |  Transmit
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop …

        """

    private let start = ContinuousClock.now

    @Test("reads the bytes of each interface, and skips the headings")
    func parses() {
        let text =
            Self.headings
            + "    lo:    3193      29    0    0    0     0          0         0     4000 29 0 0 0 0 0 0\n"
            + "eth0:5903 41 0 0 0 0 0 0 5713 61 0 0 0 0 0 0\n"
        #expect(
            ByteCounters.parse(network: text) == [
                ByteCounters(name: "lo", incoming: 3_193, outgoing: 4_000),
                ByteCounters(name: "eth0", incoming: 5_903, outgoing: 5_713),
            ]
        )
    }

    @Test(
        "skips a line that is malformed",
        arguments: [
            "", ":", "eth0", "eth0:", "eth0: 1 2 3 4 5 6 7 8", "eth0: x 2 3 4 5 6 7 8 9", "eth0: -1 2 3 4 5 6 7 8 9",
            "eth0: 1 2 3 4 5 6 7 8 99999999999999999999", ": 1 2 3 4 5 6 7 8 9", "two names: 1 2 3 4 5 6 7 8 9",
        ]
    )
    func skipsMalformed(line: String) {
        #expect(ByteCounters(networkLine: line) == nil)
    }

    @Test("gives bytes a second, whatever the time between two looks")
    func measures() {
        var sampler = NetworkSampler()
        #expect(sampler.readings(from: "eth0: 1000 0 0 0 0 0 0 0 500", at: start).isEmpty)
        let readings = sampler.readings(
            from: "eth0: 1200 0 0 0 0 0 0 0 550",
            at: start.advanced(by: .milliseconds(100))
        )
        #expect(
            readings == [NetworkReading(interface: "eth0", receivedBytesPerSecond: 2_000, sentBytesPerSecond: 500)]
        )
    }

    @Test("is never negative: a counter that fell back counts as no traffic")
    func survivesReset() {
        var sampler = NetworkSampler()
        _ = sampler.readings(from: "eth0: 4294967290 0 0 0 0 0 0 0 100", at: start)
        let readings = sampler.readings(from: "eth0: 10 0 0 0 0 0 0 0 200", at: start.advanced(by: .seconds(1)))
        #expect(readings == [NetworkReading(interface: "eth0", receivedBytesPerSecond: 0, sentBytesPerSecond: 100)])
    }

    @Test("has nothing to say about an interface that is new, or has gone and come back")
    func leavesOutTheUnknown() {
        var sampler = NetworkSampler()
        let line = "eth0: 10 0 0 0 0 0 0 0 20"
        _ = sampler.readings(from: line, at: start)
        #expect(sampler.readings(from: "", at: start.advanced(by: .seconds(1))).isEmpty)
        #expect(sampler.readings(from: line, at: start.advanced(by: .seconds(2))).isEmpty)
        #expect(sampler.readings(from: line, at: start.advanced(by: .seconds(3))).count == 1)
    }

    @Test("loses no bytes to a second look at the same moment, or at an earlier one", arguments: [0, -1])
    func survivesNoTime(seconds: Int) {
        var sampler = NetworkSampler()
        _ = sampler.readings(from: "eth0: 0 0 0 0 0 0 0 0 0", at: start)
        let still = start.advanced(by: .seconds(seconds))
        #expect(sampler.readings(from: "eth0: 70 0 0 0 0 0 0 0 0", at: still).isEmpty)
        let readings = sampler.readings(from: "eth0: 100 0 0 0 0 0 0 0 0", at: start.advanced(by: .seconds(1)))
        #expect(readings.first?.receivedBytesPerSecond == 100)
    }

    @Test("leaves out an interface that has never carried anything, until it does")
    func leavesOutTheIdle() {
        var sampler = NetworkSampler()
        let idle = "ifb0: 0 0 0 0 0 0 0 0 0\n"
        _ = sampler.readings(from: idle + "eth0: 10 0 0 0 0 0 0 0 0", at: start)
        let first = sampler.readings(from: idle + "eth0: 10 0 0 0 0 0 0 0 0", at: start.advanced(by: .seconds(1)))
        #expect(first.map(\.interface) == ["eth0"])
        let second = sampler.readings(from: "ifb0: 0 0 0 0 0 0 0 0 9", at: start.advanced(by: .seconds(2)))
        #expect(second == [NetworkReading(interface: "ifb0", receivedBytesPerSecond: 0, sentBytesPerSecond: 9)])
    }

    @Test("stays finite at the largest step in the shortest time")
    func staysFinite() {
        var sampler = NetworkSampler()
        _ = sampler.readings(from: "eth0: 0 0 0 0 0 0 0 0 0", at: start)
        let readings = sampler.readings(
            from: "eth0: \(UInt64.max) 0 0 0 0 0 0 0 0",
            at: start.advanced(by: .nanoseconds(1))
        )
        #expect(readings.first?.receivedBytesPerSecond.isFinite == true)
    }
}
