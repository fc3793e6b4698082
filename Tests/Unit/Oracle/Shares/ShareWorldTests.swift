import Testing

/// Each message is one member's of a share, and they take turns.
@Suite struct ShareWorldTests {
    @Test func passesNobodyOver() {
        Seeds.run(ShareWorld.self, count: 1_000)
    }
}
