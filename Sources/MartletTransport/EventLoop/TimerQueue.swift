import HeapModule
import Martlet

/// The timers of a loop, the earliest first.
///
/// Cancelled ones stay until their time, or until they are the greater part.
struct TimerQueue {
    private struct Entry: Comparable {
        let time: ContinuousClock.Instant
        let number: UInt64
        let timer: Timer

        static func < (a: Entry, b: Entry) -> Bool { (a.time, a.number) < (b.time, b.number) }
        static func == (a: Entry, b: Entry) -> Bool { a.number == b.number }
    }

    private var entries = Heap<Entry>()
    /// The number of the next timer: of those of one time, the first scheduled is the first to fire.
    private(set) var nextNumber: UInt64 = 0
    private var cancelled = 0

    /// How many entries are kept, cancelled ones among them.
    var count: Int { entries.count }

    mutating func insert(_ timer: Timer, at time: ContinuousClock.Instant) {
        entries.insert(Entry(time: time, number: nextNumber, timer: timer))
        nextNumber += 1
    }

    /// One of the timers was cancelled.
    mutating func countCancelled() {
        cancelled += 1
        // At a constant cost each, on average.
        guard cancelled > 32, cancelled > entries.count / 2 else { return }
        entries = Heap(entries.unordered.filter(\.timer.isPending))
        cancelled = 0
    }

    /// When the next timer is due; `nil` if there is none.
    mutating func nextTime() -> ContinuousClock.Instant? {
        while let first = entries.min {
            if first.timer.isPending { return first.time }
            entries.removeMin()
            cancelled -= 1
        }
        return nil
    }

    /// Takes out a timer that is due and was scheduled before another.
    mutating func popDue(at now: ContinuousClock.Instant, before number: UInt64) -> Timer? {
        guard let time = nextTime(), time <= now, let first = entries.min, first.number < number else { return nil }
        return entries.removeMin().timer
    }

    /// Takes out all timers; for the end.
    mutating func removeAll() -> [Timer] {
        let timers = entries.unordered.map(\.timer)
        entries = Heap()
        cancelled = 0
        return timers
    }
}
