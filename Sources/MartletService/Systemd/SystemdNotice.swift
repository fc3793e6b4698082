import Martlet

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What a service tells systemd: lines of `NAME=value`.
struct SystemdNotice: Sendable, Hashable {
    let text: String
    /// Whether systemd waits for it. What it can do without is left out while it is busy.
    let isAwaited: Bool

    private init(_ lines: [String], isAwaited: Bool = true) {
        text = lines.joined(separator: "\n")
        self.isAwaited = isAwaited
    }

    /// The service has started, or has taken on new settings.
    static func ready(_ status: String) -> SystemdNotice { SystemdNotice(["READY=1", line(status)]) }

    /// The service takes on new settings. Without the time systemd 253 and later does not take it for an answer to its request.
    static func reloading(at time: Duration) -> SystemdNotice {
        SystemdNotice(["RELOADING=1", "MONOTONIC_USEC=\(time.microseconds)", line("reads its settings")])
    }

    /// The service ends, and may take so long for that.
    static func stopping(_ status: String, within limit: Duration?) -> SystemdNotice {
        SystemdNotice(["STOPPING=1", line(status)] + (limit.map { ["EXTEND_TIMEOUT_USEC=\($0.microseconds)"] } ?? []))
    }

    /// How the service is, for people.
    static func status(_ status: String) -> SystemdNotice { SystemdNotice([line(status)], isAwaited: false) }

    /// The service is alive.
    static let alive = SystemdNotice(["WATCHDOG=1"], isAwaited: false)

    private static func line(_ status: String) -> String {
        "STATUS=" + String(status.prefix(300)).replacing(#/\s+/#, with: " ")
    }

    /// The time since the machine's start, as systemd counts it.
    static var now: Duration {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }
}

extension Duration {
    fileprivate var microseconds: Int64 {
        components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
    }
}
