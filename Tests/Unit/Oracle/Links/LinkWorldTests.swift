import Testing

/// There is one attempt at a time, delays grow until a link has held, and who closes comes to the end.
@Suite struct LinkWorldTests {
    @Test func staysInItsLife() {
        Seeds.run(LinkWorld.self, count: 2_000)
    }
}
