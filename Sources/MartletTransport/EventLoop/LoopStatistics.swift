/// What an event loop has done since it was made.
package struct LoopStatistics: Sendable, Hashable {
    /// How many threads it has started; there is never more than one at a time.
    package var threads = 0
    /// How often its thread went to sleep.
    package var sleeps = 0
    /// How often another thread wrote to its wake-up descriptor; never more often than it slept.
    package var wakeUps = 0
}
