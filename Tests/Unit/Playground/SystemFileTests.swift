import Testing

@testable import playground

@Suite("Reading the system's files", .timeLimit(.minutes(10)))
struct SystemFileTests {
    @Test(
        "has no text for a file that is not there, is a folder, or is too long",
        arguments: ["/no/such/file", "/", "/dev/zero"]
    )
    func refuses(path: String) {
        #expect(SystemFile.text(at: path, limit: 100_000) == nil)
    }

    @Test("takes an empty file as an empty text")
    func readsNothing() {
        #expect(SystemFile.text(at: "/dev/null") == "")
    }
}

#if os(Linux)
@Suite("This machine's telemetry", .timeLimit(.minutes(10)))
struct MachineTests {
    @Test("has cores that were busy for some share of the time")
    func cpu() async throws {
        var sampler = CPUSampler()
        #expect(sampler.sample().isEmpty)
        var readings: [CPUReading] = []
        for _ in 0..<100 where readings.isEmpty {
            try await Task.sleep(for: .milliseconds(20))
            readings = sampler.sample()
        }
        #expect(!readings.isEmpty)
        #expect(readings.allSatisfy { (0...1).contains($0.utilisation) })
    }

    @Test("has memory of which some is used")
    func memory() throws {
        let reading = try #require(MemoryReading.current())
        #expect(reading.usedBytes > 0)
        #expect(reading.usedBytes < reading.totalBytes)
    }

    @Test("has a load")
    func load() throws {
        let reading = try #require(LoadReading.current())
        #expect(reading.one >= 0)
    }

    @Test("has a network, be it only to itself")
    func network() {
        var sampler = NetworkSampler()
        let start = ContinuousClock.now
        #expect(sampler.sample(at: start).isEmpty)
        let readings = sampler.sample(at: start.advanced(by: .seconds(1)))
        #expect(readings.contains { $0.interface == "lo" })
        #expect(readings.allSatisfy { $0.receivedBytesPerSecond >= 0 && $0.sentBytesPerSecond >= 0 })
    }

    @Test("has disks, if any, that read and write forwards only")
    func disks() {
        var sampler = DiskSampler()
        let start = ContinuousClock.now
        #expect(sampler.sample(at: start).isEmpty)
        let readings = sampler.sample(at: start.advanced(by: .seconds(1)))
        #expect(readings.allSatisfy { $0.readBytesPerSecond >= 0 && $0.writtenBytesPerSecond >= 0 })
    }
}
#endif
