import Testing

@testable import playground

@Suite("CPU utilisation", .timeLimit(.minutes(10)))
struct CPUTests {
    @Test("reads a line a core, and leaves out the sum and everything else")
    func parsesCores() {
        let text = """
            cpu  1214 0 1027 162059 215 0 9 10 0 0
            cpu0 283 1 458 81525 4 2 5 4 100 200
            cpu1 930 0 568 80534 211 0 4 5 0 0
            intr 68662 0 0
            ctxt 131286
            """
        #expect(
            CPUCounters.parse(text) == [
                CPUCounters(core: 0, busy: 283 + 1 + 458 + 2 + 5 + 4, idle: 81_525 + 4),
                CPUCounters(core: 1, busy: 930 + 568 + 4 + 5, idle: 80_534 + 211),
            ]
        )
    }

    @Test("reads the four fields that the oldest kernels have")
    func parsesFourFields() {
        #expect(CPUCounters(line: "cpu3 1 2 3 4") == CPUCounters(core: 3, busy: 6, idle: 4))
    }

    @Test(
        "skips a line that is malformed",
        arguments: [
            "", "cpu", "cpu0", "cpu0 1 2 3", "cpu0 1 2 3 x", "cpu0 -1 2 3 4", "cpu-1 1 2 3 4", "cpux 1 2 3 4",
            "cpu 0 1 2 3 4",
            "cpu0 99999999999999999999 0 0 0", "cpu0 18446744073709551615 1 0 0", "cpu99999999999999999999 1 2 3 4",
            "cpu0 0 0 0 18446744073709551615 1", "\u{0}\u{FF}",
        ]
    )
    func skipsMalformed(line: String) {
        #expect(CPUCounters(line: line) == nil)
    }

    @Test("gives the busy share of what has passed since the call before")
    func measures() {
        var sampler = CPUSampler()
        #expect(sampler.readings(from: [CPUCounters(core: 0, busy: 100, idle: 1_000)]).isEmpty)
        #expect(
            sampler.readings(from: [CPUCounters(core: 0, busy: 125, idle: 1_075)])
                == [CPUReading(core: 0, utilisation: 0.25)]
        )
    }

    @Test("leaves out a core that is new, and one for which no tick has passed")
    func leavesOutTheUnknown() {
        var sampler = CPUSampler()
        _ = sampler.readings(from: [CPUCounters(core: 0, busy: 1, idle: 1)])
        let readings = sampler.readings(from: [
            CPUCounters(core: 0, busy: 1, idle: 1), CPUCounters(core: 1, busy: 5, idle: 5),
        ])
        #expect(readings.isEmpty)
    }

    @Test(
        "stays between 0 and 1 when a counter falls back",
        arguments: [(0, 1_100, 0.0), (200, 0, 1.0), (0, 0, nil)] as [(UInt64, UInt64, Double?)]
    )
    func survivesReset(busy: UInt64, idle: UInt64, expected: Double?) {
        var sampler = CPUSampler()
        _ = sampler.readings(from: [CPUCounters(core: 0, busy: 100, idle: 1_000)])
        let readings = sampler.readings(from: [CPUCounters(core: 0, busy: busy, idle: idle)])
        #expect(readings.first?.utilisation == expected)
    }

    @Test("does not overflow between the ends of the counters' range")
    func survivesHugeSteps() {
        var sampler = CPUSampler()
        _ = sampler.readings(from: [CPUCounters(core: 0, busy: 0, idle: 0)])
        let readings = sampler.readings(from: [CPUCounters(core: 0, busy: .max, idle: .max)])
        #expect(readings == [CPUReading(core: 0, utilisation: 0.5)])
    }

    @Test("takes the last of two lines for one core")
    func survivesDuplicates() {
        var sampler = CPUSampler()
        let twice = [CPUCounters(core: 0, busy: 1, idle: 1), CPUCounters(core: 0, busy: 2, idle: 2)]
        _ = sampler.readings(from: twice)
        #expect(
            sampler.readings(from: [CPUCounters(core: 0, busy: 3, idle: 2)]) == [CPUReading(core: 0, utilisation: 1)]
        )
    }
}
