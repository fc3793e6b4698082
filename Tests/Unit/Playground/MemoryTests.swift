import Testing

@testable import playground

@Suite("Memory", .timeLimit(.minutes(10)))
struct MemoryTests {
    @Test("counts as used what is not available")
    func parses() {
        let text = """
            MemTotal:           4000 kB
            MemFree:             100 kB
            MemAvailable:       3000 kB
            HugePages_Total:       0
            """
        let reading = MemoryReading(meminfo: text)
        #expect(reading == MemoryReading(usedBytes: 1_000 * 1_024, totalBytes: 4_000 * 1_024))
        #expect(reading?.usedFraction == 0.25)
    }

    @Test("is never negative, even if the kernel calls more available than there is")
    func clamps() {
        #expect(MemoryReading(meminfo: "MemTotal: 10 kB\nMemAvailable: 11 kB")?.usedBytes == 0)
    }

    @Test("is a share of nothing where there is no memory")
    func survivesNoMemory() {
        #expect(MemoryReading(usedBytes: 0, totalBytes: 0).usedFraction == 0)
    }

    @Test(
        "has no reading from malformed text",
        arguments: [
            "", "MemTotal:", "MemTotal: 10 kB", "MemAvailable: 10 kB", "MemTotal: 0 kB\nMemAvailable: 0 kB",
            "MemTotal: -10 kB\nMemAvailable: 5 kB", "MemTotal: 10 MB\nMemAvailable: 5 kB",
            "MemTotal: 10\nMemAvailable: 5", "MemTotal: ten kB\nMemAvailable: 5 kB",
            "MemTotal: 9223372036854775807 kB\nMemAvailable: 5 kB",
            "MemTotal: 99999999999999999999 kB\nMemAvailable: 5 kB", "MemTotal: 10 kB\nMemAvail",
        ]
    )
    func rejectsMalformed(text: String) {
        #expect(MemoryReading(meminfo: text) == nil)
    }
}
