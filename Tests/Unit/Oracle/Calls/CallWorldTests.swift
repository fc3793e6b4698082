import Testing

/// A reply reaches the call that it answers, once, and nobody else.
@Suite struct CallWorldTests {
    @Test func repliesFindTheirCalls() {
        Seeds.run(CallWorld.self, count: 2_000)
    }
}

/// A stream's frames come in order and once, and a writer that keeps to its credit is never cut off.
@Suite struct StreamWorldTests {
    @Test func framesComeInOrder() {
        Seeds.run(StreamWorld.self, count: 2_000)
    }
}
