import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A time of day, as it is shown.
struct Moment: Sendable {
    /// Since 1970, UTC.
    let nanoseconds: Int64

    /// This moment, unless told.
    init(nanoseconds: Int64 = WallClock.nanoseconds) {
        self.nanoseconds = nanoseconds
    }

    /// In UTC, to the millisecond, as RFC 3339 has it: `2026-11-21T11:25:03.123Z`.
    var timestamp: String {
        var seconds = time_t(seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let date = "\(Int(parts.tm_year) + 1_900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
        return "\(date)T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(milliseconds)Z"
    }

    /// On this machine's clock, without the date: `12:25:03.123`.
    var timeOfDay: String {
        var seconds = time_t(seconds)
        var parts = tm()
        localtime_r(&seconds, &parts)
        return "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(milliseconds)"
    }

    /// Rounded down, also before 1970.
    private var seconds: Int64 { (nanoseconds - remainder) / 1_000_000_000 }

    private var remainder: Int64 {
        let rest = nanoseconds % 1_000_000_000
        return rest < 0 ? rest + 1_000_000_000 : rest
    }

    private var milliseconds: String { String(String(1_000 + remainder / 1_000_000).dropFirst()) }

    private func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
