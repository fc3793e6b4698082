import DequeModule

/// What belongs to a loop's thread alone.
final class LoopBody {
    /// Jobs and work taken from the queue and not yet run, in order.
    var batch: Deque<EventLoop.Entry> = []
    /// How many there were when they were taken.
    var batchSize = 0
    var watches = WatchList()
    var timers = TimerQueue()
    /// Made when the thread is first about to sleep.
    var pipe: WakeUpPipe?
    /// Replaced by a test that wants no descriptors to be left.
    var openPipe: () -> WakeUpPipe? = WakeUpPipe.open
    /// Whether the thread has said that it sleeps, and has not yet said that it no longer does.
    var isMarkedAsleep = false
    /// Whether the thread pauses before it looks at descriptors again.
    var pauses = false
    /// How many bytes were promised to the pipe and not yet read. Below zero where the byte came sooner than the
    /// news that it would.
    var owedBytes = 0
}
