#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How a reader that keeps up with its producers passes the time until there is more.
///
/// To be put to sleep and woken costs both sides some microseconds, and a busy producer has the next element sooner than
/// that; and a reader that fetches each element by itself meets its producers at their lock all the time. So it waits for
/// the blink of an eye, in which other threads have the processor if they want it. `Task.yield()` would not do: what it puts
/// into the queue of the global pool wakes another of its threads, which finds nothing to do.
@usableFromInline
enum ReaderPause {
    /// How many pauses a reader makes before it goes to sleep.
    @inlinable static var patience: Int { 2 }

    /// Some three microseconds, if nobody else wants the processor.
    @usableFromInline
    static func take() {
        for _ in 0..<8 { sched_yield() }
    }

    /// Whether the task is one that may hold its thread for that long: of the global pool, and not a connection's own.
    @usableFromInline static var isAllowed: Bool {
        // In a simulation no other thread has anything to do.
        !WallClock.isSimulated && withUnsafeCurrentTask { $0?.unownedTaskExecutor == nil }
    }
}
