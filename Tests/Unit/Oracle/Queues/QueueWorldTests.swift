import Testing

/// Each message is sent once, and acknowledged, dead, or back at its place.
@Suite struct QueueWorldTests {
    @Test func losesAndDoublesNothing() {
        Seeds.run(QueueWorld.self, count: 1_000)
    }
}
