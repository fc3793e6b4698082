import Testing

/// Each message is sent once, and acknowledged, dead, or back at its place.
@Suite struct QueueWorldTests {
    @Test func losesAndDoublesNothing() {
        Seeds.run(QueueWorld.self, count: 500)
    }

    /// Seeds that have failed before.
    @Test func oldSeedsAreFine() {
        let seeds: [UInt64] = [
            178_980_087, 182_522_194, 295_443_859, 428_922_155, 534_833_245, 926_456_380, 934_609_559,
        ]
        Seeds.rerun(QueueWorld.self, seeds)
    }
}
