package import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The time of day, for what peers see; never for measuring time.
package enum WallClock {
    /// What counts instead of the system's clock, in nanoseconds since 1970; 0: the system's clock does. It is set by a
    /// simulation, whose process is all its own.
    package static let simulated = Atomic<Int64>(0)

    /// Whether time is simulated.
    package static var isSimulated: Bool { simulated.load(ordering: .relaxed) != 0 }

    /// Nanoseconds since 1970, UTC.
    package static var nanoseconds: Int64 {
        let simulated = simulated.load(ordering: .relaxed)
        guard simulated == 0 else { return simulated }
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
