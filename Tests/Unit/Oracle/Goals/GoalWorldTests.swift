import Testing

/// A goal is handled once at most, ends once, and is remembered as it ended.
@Suite struct GoalWorldTests {
    @Test func endsEachGoalOnce() {
        Seeds.run(GoalWorld.self, count: 300)
    }
}
