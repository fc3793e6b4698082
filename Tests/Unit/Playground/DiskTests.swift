import Testing

@testable import playground

@Suite("Disk traffic", .timeLimit(.minutes(10)))
struct DiskTests {
    private let start = ContinuousClock.now

    /// A table with a line a device, in which nothing but the names differs.
    private func table(_ names: [String]) -> String {
        names.map { " 254 0 \($0) 1 2 3 4 5 6 7 8 0 0 0\n" }.joined()
    }

    @Test("counts sectors as 512 bytes")
    func parses() {
        let line = " 254       0 vda 4332 3079 1772370 6088 1229 3493 363040 1366 0 2452 7478 148 0 60424 20 92 3"
        #expect(
            ByteCounters.parse(disks: line) == [
                ByteCounters(name: "vda", incoming: 1_772_370 * 512, outgoing: 363_040 * 512)
            ]
        )
    }

    @Test(
        "keeps whole disks only",
        arguments: [
            (["sda", "sda1", "sda12", "sdaa"], ["sda", "sdaa"]),
            (["nvme0n1", "nvme0n1p1", "nvme0n1p12", "nvme1n1"], ["nvme0n1", "nvme1n1"]),
            (["mmcblk0p1", "mmcblk0"], ["mmcblk0"]),
            (["nbd1", "nbd10"], ["nbd1", "nbd10"]),
            (["sdp", "sdp1"], ["sdp"]),
            (["xvda1"], ["xvda1"]),
            (["loop0", "ram0", "zram0", "dm-0", "md127", "vda"], ["vda"]),
            (["ramdisk", "loop"], ["ramdisk", "loop"]),
            (["1", "12"], ["1", "12"]),
        ]
    )
    func keepsWholeDisks(names: [String], expected: [String]) {
        #expect(ByteCounters.parse(disks: table(names)).map(\.name) == expected)
    }

    @Test(
        "skips a line that is malformed",
        arguments: [
            "", "254 0 vda", "254 0 vda 1 2 3 4 5 6", "254 0 vda 1 2 x 4 5 6 7", "254 0 vda 1 2 -3 4 5 6 7",
            "254 0 vda 1 2 3 4 5 6 99999999999999999999", "254 0 vda 1 2 18446744073709551615 4 5 6 7",
        ]
    )
    func skipsMalformed(line: String) {
        #expect(ByteCounters(diskLine: line) == nil)
    }

    @Test("gives bytes a second, and none for a counter that fell back")
    func measures() {
        var sampler = DiskSampler()
        #expect(sampler.readings(from: "254 0 vda 0 0 100 0 0 0 100", at: start).isEmpty)
        let readings = sampler.readings(from: "254 0 vda 0 0 104 0 0 0 1", at: start.advanced(by: .seconds(2)))
        #expect(readings == [DiskReading(device: "vda", readBytesPerSecond: 1_024, writtenBytesPerSecond: 0)])
    }
}
